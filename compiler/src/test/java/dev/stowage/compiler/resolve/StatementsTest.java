package dev.stowage.compiler.resolve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.optimizer.Bounds.ServiceLevel;
import dev.stowage.optimizer.Choices;
import dev.stowage.optimizer.KvAxis;
import dev.stowage.optimizer.Objective.Goal;
import dev.stowage.optimizer.Phase;
import dev.stowage.optimizer.Thing;
import dev.stowage.optimizer.cost.Transfers;
import dev.stowage.plan.Buffer;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Schedule;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What single statements ask of the optimizer and of the schedule. */
class StatementsTest {
  private static final String PLATFORM =
      """
      plan p
      platform box {
        gpu  t4   { memory 15 GiB  reserve 1 GiB }
        host ram  { memory 64 GiB }
        disk ssd  { memory 200 GiB  read 2 GB/s  write 1 GB/s }
        csd  inst { memory 200 GiB }
        link t4 <-> ram { rate 12 GB/s }
      }
      model m = shape opt-1.3b
      """;
  private static final String WORKLOAD =
      "workload w { prompt 64 tok  generate 16 tok  requests 8  batch 8 }\n";

  private static Compilation compile(String text) {
    return compileText(PLATFORM + text);
  }

  private static Compilation compileText(String text) {
    return Compiler.compile(text, Path.of("statements.stow").toAbsolutePath(), Settings.none());
  }

  private static int batchOf(Compilation.Compiled compiled) {
    return compiled.plan().batch().sequences();
  }

  private static Compilation.Compiled compiled(String text) {
    return compiledText(PLATFORM + text);
  }

  private static Compilation.Compiled compiledText(String text) {
    return switch (compileText(text)) {
      case Compilation.Compiled compiled -> compiled;
      case Compilation.Erroneous(var diagnostics) -> throw new AssertionError(diagnostics);
      case Compilation.Infeasible(var _, var diagnostics) -> throw new AssertionError(diagnostics);
    };
  }

  private static Resolved resolved(String text) {
    return compiled(text).resolved();
  }

  private static List<String> codes(Compilation compilation) {
    return compilation.diagnostics().stream().map(Diagnostic::code).toList();
  }

  private static Diagnostic only(String text, String code) {
    var said = compile(text).diagnostics().stream().filter(one -> one.code().equals(code)).toList();
    assertEquals(1, said.size(), () -> code + " of " + compile(text).diagnostics());
    return said.getFirst();
  }

  // -- lengths

  @Test
  void memoryIsForTheLongestPromptAndTimeForTheMean() {
    var workload =
        resolved("workload w { prompt p50 100 tok p95 300 tok max 500 tok  generate 16 tok }")
            .problems()
            .getFirst()
            .workload();

    assertEquals(500, workload.promptTokens());
    // 0.5 · (0 + 100)/2 + 0.45 · (100 + 300)/2 + 0.05 · (300 + 500)/2
    assertEquals(135, workload.meanPromptTokens());
    assertEquals(16, workload.generateTokens());
    assertEquals(16, workload.meanGenerateTokens());
  }

  @Test
  void promptsThatVaryAreReadSoonerThanTheLongest() {
    var varied = "workload w { prompt p50 64 tok max 512 tok  generate 16 tok  batch 4 }";
    var fixed = "workload w { prompt 512 tok  generate 16 tok  batch 4 }";

    assertTrue(
        compiled(varied).plan().predicted().prefillSeconds()
            < compiled(fixed).plan().predicted().prefillSeconds());
  }

  // -- schedule

  @Test
  void columnOrderIsOneBlockOfAllRequests() {
    var problem =
        resolved(
                "workload w { prompt 64 tok  generate 16 tok  requests 24 } schedule { order column }")
            .problems()
            .getFirst();

    assertEquals(Choices.fixed(24), problem.workload().sequences());
    assertEquals(new Schedule.Order.ZigZag(), problem.order());
  }

  @Test
  void aDiagonalWithoutPagesHasNoEffect() {
    String some = "workload w { prompt 64 tok  generate 16 tok  batch 8 } ";
    var text = some + "place { kv on t4 100% } schedule { order diagonal }";
    only(text, "SW409");
    assertFalse(compiled(text).plan().batch().staggered());
  }

  @Test
  void aDiagonalOfRequestsThatAllFitTheBlockHasNoEffect() {
    var text = WORKLOAD + "place { kv on ram 100% } schedule { order diagonal }";
    only(text, "SW409");
    assertFalse(compiled(text).plan().batch().staggered());
  }

  @Test
  void columnOrderNeedsABatchOfAllRequests() {
    only(
        "workload w { prompt 64 tok  generate 16 tok  requests 24  batch 8 } schedule { order column }",
        "SW141");
  }

  @Test
  void drivesThatHoldKvGatherTokens() {
    var said = "place { kv on inst 100%% } schedule { attention decode on inst  %s }";

    assertEquals(
        Map.of("inst", 32),
        compiled(WORKLOAD + said.formatted("kv write-back every 32 tok")).schedule().writeBack());
    assertEquals(Map.of(), compiled(WORKLOAD + said.formatted("")).schedule().writeBack());
  }

  /** 2 · 24 layers · 32 heads · 32 tokens · 128 bytes of each sequence wait in it: 6 MiB. */
  @Test
  void aDrivesOwnMemoryLimitsHowManySequencesItKeeps() {
    var said =
        "workload w { prompt 64 tok  generate 16 tok  batch %s }  place { kv on inst 100%% }";
    var small =
        PLATFORM.replace(
            "csd  inst { memory 200 GiB }", "csd  inst { memory 200 GiB  dram 40 MiB }");

    assertEquals(6, batchOf(compiledText(small + said.formatted("auto in 1..8"))));
    assertEquals(8, batchOf(compiledText(PLATFORM + said.formatted("8"))));
    var tooMany =
        assertInstanceOf(Compilation.Infeasible.class, compileText(small + said.formatted("8")));
    assertTrue(
        tooMany.diagnostics().stream()
            .anyMatch(
                d ->
                    d.code().equals("SW301")
                        && d.message()
                            .contains("dram(inst) needs 48 MiB of 40 MiB usable, 8 MiB too much")),
        () -> tooMany.diagnostics().toString());
  }

  @Test
  void gatheringMoreThanADrivesOwnMemoryIsAnError() {
    var said =
        WORKLOAD
            + "place { kv on inst 100% } schedule { attention decode on inst  kv write-back every 64 tok }";
    var small =
        PLATFORM.replace(
            "csd  inst { memory 200 GiB }", "csd  inst { memory 200 GiB  dram 64 MiB }");

    assertEquals(Map.of("inst", 64), compiledText(PLATFORM + said).schedule().writeBack());
    var error =
        compileText(small + said).diagnostics().stream()
            .filter(Diagnostic::isError)
            .findFirst()
            .orElseThrow();
    assertEquals("SW301", error.code());
    assertTrue(error.message().contains("dram(inst) needs 96 MiB of 64 MiB"), error.message());
  }

  @Test
  void gatheringWithoutKvOnADriveHasNoEffect() {
    only(WORKLOAD + "place { kv on ram 100% } schedule { kv write-back every 32 tok }", "SW409");
  }

  @Test
  void gatheringPartsOfTokensIsRefused() {
    only(WORKLOAD + "schedule { kv write-back every 2.5 tok }", "SW135");
    only(WORKLOAD + "schedule { kv write-back every 0 tok }", "SW135");
  }

  @Test
  void twoWriteBacksLeaveNothing() {
    only(WORKLOAD + "schedule { kv write-back every 16 tok  kv write-back every 32 tok }", "SW134");
  }

  // -- how kv is cut

  @Test
  void kvIsCutByTokensUnlessAllWaysAreOpen() {
    assertEquals(List.of(KvAxis.TOKENS), axes(""));
    assertEquals(List.of(KvAxis.HEADS), axes("place { kv on ram auto, ssd auto split heads }"));
    assertEquals(
        List.of(KvAxis.TOKENS, KvAxis.HEADS, KvAxis.SEQUENCES),
        axes("place { kv on ram auto, ssd auto split auto }"));
  }

  private static List<KvAxis> axes(String place) {
    return resolved(WORKLOAD + place).problems().stream().map(p -> p.bounds().kvAxis()).toList();
  }

  @Test
  void theKvOfSomeLayersIsCutInAWayOfItsOwn() {
    var place =
        """
        place {
          kv of layers[0..3,8]    on ram auto, ssd auto split heads
          kv of layers[4..7,9..23] on ram auto, ssd auto split auto
        }
        """;
    var problems = resolved(WORKLOAD + place).problems();

    assertEquals(
        List.of(KvAxis.TOKENS, KvAxis.HEADS, KvAxis.SEQUENCES),
        problems.stream().map(p -> p.bounds().kvAxisOf(4)).toList());
    for (var problem : problems) {
      assertEquals(KvAxis.HEADS, problem.bounds().kvAxisOf(8));
      assertEquals(KvAxis.TOKENS, problem.bounds().kvAxis());
    }
  }

  @Test
  void twoWaysToCutTheKvOfOneLayerLeaveNothing() {
    only(
        WORKLOAD
            + "place { kv of layers[0..3] on ram auto split heads  kv of layers[3..9] on ram auto split tokens }",
        "SW134");
  }

  @Test
  void theKvOfAllLayersIsTheKv() {
    assertEquals(
        new Thing.Kv(),
        resolved(WORKLOAD + "place { kv of layers[0..11], layers[12..23] on ram 100% }")
            .problems()
            .getFirst()
            .bounds()
            .only()
            .getFirst()
            .thing());
  }

  @Test
  void onlyLayersHaveKv() {
    for (var selector : List.of("embed", "head", "layers[0].attn", "layers[24]")) {
      only(WORKLOAD + "place { kv of %s on ram 100%% }".formatted(selector), "SW136");
    }
  }

  @Test
  void theKvOfSomeLayersLiesApart() {
    var plan =
        compiled(
                WORKLOAD
                    + "place { kv of layers[0..3,8] on ssd 100%  kv of layers[4..7] on ram 50%, ssd 50% }")
            .plan();
    int all = plan.batch().tokens();
    for (int layer : List.of(0, 3, 8)) {
      assertEquals(all, tokens(plan, layer, "ssd"), "layer " + layer);
    }
    for (int layer = 4; layer < 8; layer++) {
      assertEquals(all / 2.0, tokens(plan, layer, "ssd"), 1, "layer " + layer);
      assertEquals(all / 2.0, tokens(plan, layer, "ram"), 1, "layer " + layer);
    }
  }

  private static int tokens(ExecutablePlan plan, int layer, String device) {
    return plan.kv().stream()
        .filter(region -> region.layers().contains(layer) && region.device().equals(device))
        .mapToInt(region -> region.tokens().size())
        .sum();
  }

  // -- goals

  @Test
  void phasesSharesAndPeaksAreGoals() {
    var first = new ArrayList<Goal>();
    for (var goal :
        List.of(
            "maximize throughput(prefill)",
            "maximize throughput(decode)",
            "minimize latency(first)",
            "minimize latency(token)",
            "minimize latency(block)",
            "minimize peak(ram)")) {
      first.add(resolved(WORKLOAD + goal).problems().getFirst().objective().first());
    }

    assertEquals(
        List.of(
            new Goal.MaximizePhaseThroughput(Phase.PREFILL),
            new Goal.MaximizePhaseThroughput(Phase.DECODE),
            new Goal.MinimizePhaseLatency(Phase.PREFILL),
            new Goal.MinimizePhaseLatency(Phase.DECODE),
            new Goal.MinimizeLatency(),
            new Goal.MinimizePeak("ram")),
        first);
  }

  @Test
  void aShareAsAGoalIsReached() {
    var compiled = compiled(WORKLOAD + "maximize share(kv, ssd)");

    assertEquals(
        List.of("ssd"), compiled.plan().kv().stream().map(KvRegion::device).distinct().toList());
  }

  @Test
  void limitsOnTimeRateMemoryAndSharesAreServiceLevels() {
    var bounds =
        resolved(
                WORKLOAD
                    + "maximize throughput subject to { latency(first) <= 10 min"
                    + " latency(token) <= 1 min  latency(block) <= 60 min"
                    + " throughput(decode) >= 0.01 tok/s  peak(ram) <= 60 GiB"
                    + " share(kv, ssd) >= 10% }")
            .problems()
            .getFirst()
            .bounds();

    assertEquals(
        List.of("PhaseLatency", "PhaseLatency", "BlockLatency", "Throughput", "Peak"),
        bounds.levels().stream().map(level -> level.getClass().getSimpleName()).toList());
    assertEquals(600, ((ServiceLevel.PhaseLatency) bounds.levels().getFirst()).seconds());
    assertEquals(0.1, bounds.shares().getFirst().atLeast());
  }

  @Test
  void whatCannotBeAGoalIsRefused() {
    only(WORKLOAD + "minimize throughput", "SW143");
    only(WORKLOAD + "maximize throughput subject to { latency(token) >= 1 s }", "SW143");
  }

  // -- approximation

  @Test
  void moreDamageThanTheBudgetIsSaidWithWhatWouldBeEnough() {
    var said =
        only(WORKLOAD + "approximate within perplexity +1% { weights 4-bit  kv 4-bit }", "SW501");

    assertEquals("allow +1.5%", said.fixes().getFirst().title());
    assertEquals(2, said.related().size());
    var raised =
        compile(WORKLOAD + "approximate within perplexity +1.5% { weights 4-bit  kv 4-bit }");
    assertTrue(!codes(raised).contains("SW501"), () -> raised.diagnostics().toString());
  }

  @Test
  void keysStoredInGroupsAreNotReadByChannel() {
    only(
        WORKLOAD
            + "approximate within perplexity +2% { kv 8-bit  attention decode on ram sparse top-k 1/4 }",
        "SW510");
  }

  @Test
  void kvOnADiskIsReadWhole() {
    only(
        WORKLOAD
            + "approximate within perplexity +2% { attention decode on ram sparse top-k 1/4 when kv on ssd }",
        "SW507");
  }

  @Test
  void aGpuReadsPartsOfItsOwnMemoryOnly() {
    only(
        WORKLOAD
            + "approximate within perplexity +2% { attention decode on t4 sparse top-k 1/4 when kv on ram }",
        "SW507");
    var plan =
        compiled(
                WORKLOAD
                    + """
                    place { kv on t4 100% }
                    approximate within perplexity +2% { attention decode on t4 sparse top-k 1/4 }
                    """)
            .plan();
    for (var region : plan.kv()) {
      assertEquals("t4", region.attendAt());
      assertTrue(region.sparsity().isPresent(), region::toString);
    }
  }

  private static final String COPIED =
      WORKLOAD
          + """
          place { weights on ram 100%%  kv on ram 100%%  activations on t4 100%% }
          schedule { attention decode on t4  %s }
          """;

  @Test
  void copiesOfPageableMemoryTakeLonger() {
    var all = compiled(COPIED.formatted(""));
    var none = compiled(COPIED.formatted("pin none"));
    var weights = compiled(COPIED.formatted("pin weights"));

    assertEquals(Set.of(), all.schedule().pageable());
    assertEquals(Schedule.LOCKABLE, none.schedule().pageable());
    assertEquals(Set.of(Buffer.Purpose.KV), weights.schedule().pageable());
    double fast = all.plan().predicted().decodeSeconds();
    assertTrue(weights.plan().predicted().decodeSeconds() > fast);
    assertTrue(
        none.plan().predicted().decodeSeconds() > weights.plan().predicted().decodeSeconds());
    // what is copied is nearly all there is to do, and the assumed host's memory is what limits it
    assertEquals(
        1 + Transfers.PAGEABLE_PASSES, none.plan().predicted().decodeSeconds() / fast, 0.05);
  }

  @Test
  void allMemoryIsPinnedUnlessSaid() {
    only(COPIED.formatted("pin all"), "SW405");
    only(COPIED.formatted("pin weights, kv"), "SW405");
    only(COPIED.formatted("pin weights pin none"), "SW134");
  }

  @Test
  void leavingPageableWhatIsNotCopiedHasNoEffect() {
    only(WORKLOAD + "place { weights on t4 100%  kv on t4 100% } schedule { pin none }", "SW409");
    only(
        WORKLOAD + "place { weights on ram 100%  kv on t4 100% } schedule { pin weights }",
        "SW409");
  }
}
