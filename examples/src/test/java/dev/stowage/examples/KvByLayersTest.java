package dev.stowage.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import dev.stowage.compiler.explain.Explanation;
import dev.stowage.compiler.explain.HumanReport;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.KvRegion;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Where the keys and values of single layers lie is what the plan says of them, and changes no
 * number.
 */
class KvByLayersTest {
  private static final List<Path> MODELS =
      List.of(
          Path.of("src/test/resources/golden/opt-small"),
          Path.of("src/test/resources/golden/llama-gqa-bf16"));

  private static final List<String> PLACES =
      List.of(
          "kv of layers[0] on inst 100%  kv of layers[1] on ssd 100%  kv of layers[2] on ram 100%",
          "kv of layers[0,2] on inst 50%, ram 50% split heads  kv of layers[1] on ssd 60%, ram 40%",
          "kv of layers[1..2] on ssd 50%, inst 50% split sequences  kv of layers[0] on ram 30%, inst 70%");

  @TempDir Path folder;

  static Stream<Arguments> cases() {
    return MODELS.stream()
        .flatMap(model -> PLACES.stream().map(place -> Arguments.of(model, place)));
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("cases")
  void layersWhoseKvLiesApartScoreAndContinueAsTheReferenceDoes(Path model, String place)
      throws Exception {
    var golden = Golden.read(model);
    int longest =
        golden.score().stream().mapToInt(scored -> scored.ids().length).max().orElseThrow();
    var compiled = compile(model, longest, place);
    try (var session = Session.open(compiled.plan(), compiled.schedule(), folder, model, 2)) {
      for (var scored : golden.score()) {
        var score = session.score(scored.ids(), scored.top().length);
        for (int i = 0; i < scored.logprobs().length; i++) {
          assertEquals(scored.logprobs()[i], score.logprobs().get(i), 1e-2, "token " + (i + 1));
        }
      }
      var greedy = golden.greedy();
      var request = new Request(greedy.prompt(), greedy.output().size(), Set.of(), Sampling.GREEDY);
      for (var completion :
          session.generate(Collections.nCopies(6, request), (index, id) -> true)) {
        assertEquals(greedy.output(), completion.output());
      }
    }
  }

  @Test
  void everyLayerLiesWhereThePlanSays() throws Exception {
    var compiled = compile(MODELS.getFirst(), 20, PLACES.get(1));
    var plan = compiled.plan();

    assertEquals(Map.of("inst", 0.5, "ram", 0.5), sharesOf(plan, 0));
    assertEquals(sharesOf(plan, 0), sharesOf(plan, 2));
    assertEquals(0.6, sharesOf(plan, 1).get("ssd"), 1.0 / plan.batch().tokens());
    assertEquals(0.4, sharesOf(plan, 1).get("ram"), 1.0 / plan.batch().tokens());
    var report = HumanReport.render(Explanation.of(compiled));
    assertTrue(report.contains("where the KV of layers lies"), report);
    assertTrue(report.lines().anyMatch(l -> l.matches(" *2 +inst +50 % .*")), report);
  }

  private Compilation.Compiled compile(Path model, int prompt, String place) {
    var text =
        """
        plan apart
        platform laptop {
          host ram  { memory 512 MiB }
          disk ssd  { memory 2 GiB  path "disk" }
          csd  inst { memory 2 GiB  path "csd"  emulated }
        }
        model m = hf "%s"
        workload w { prompt %d tok  generate 64 tok  batch 6  micro-batches 2 }
        place { %s }
        maximize throughput
        """
            .formatted(model.toAbsolutePath(), prompt, place);
    var compilation = Compiler.compile(text, folder.resolve("apart.stow"), Settings.none());
    return assertInstanceOf(
        Compilation.Compiled.class, compilation, () -> compilation.diagnostics().toString());
  }

  /** The share of a layer's keys on each device. */
  private static Map<String, Double> sharesOf(ExecutablePlan plan, int layer) {
    double all = (double) plan.batch().sequences() * plan.shape().kvHeads() * plan.batch().tokens();
    var shares = new TreeMap<String, Double>();
    for (KvRegion region : plan.kv()) {
      if (region.layers().contains(layer)) {
        double keys =
            (double) region.sequences().size() * region.heads().size() * region.tokens().size();
        shares.merge(region.device(), keys / all, Double::sum);
      }
    }
    return shares;
  }
}
