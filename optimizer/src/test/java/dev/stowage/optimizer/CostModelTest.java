package dev.stowage.optimizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.optimizer.cost.CostModel;
import dev.stowage.optimizer.formulate.Routes;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Machine;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Origin;
import dev.stowage.plan.Range;
import dev.stowage.plan.Rate;
import dev.stowage.plan.RateValue;
import dev.stowage.plan.Weight;
import dev.stowage.plan.WeightRegion;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Seconds that can be worked out by hand. */
class CostModelTest {
  private static final ModelShape SHAPE = Examples.tinyLlama();

  /** One byte, or one FLOP, a second makes seconds equal bytes; no latency to speak of. */
  private static final Machine UNIT =
      Examples.machine(
          Examples.device(
              "ram",
              DeviceKind.HOST,
              Examples.GIB,
              0,
              Map.of(
                  Rate.MEMORY_BANDWIDTH, 1.0,
                  Rate.PREFILL_COMPUTE, 1.0,
                  Rate.DECODE_COMPUTE, 1.0,
                  Rate.ATTENTION, 1.0)),
          Examples.device(
              "ssd",
              DeviceKind.DISK,
              Examples.GIB,
              0,
              Map.of(Rate.READ, 1.0, Rate.WRITE, 1.0, Rate.LATENCY, 1e-12)),
          Examples.device(
              "inst",
              DeviceKind.CSD,
              Examples.GIB,
              0,
              Map.of(
                  Rate.READ, 1.0,
                  Rate.WRITE, 1.0,
                  Rate.LATENCY, 1e-12,
                  Rate.INTERNAL_READ, 1.0,
                  Rate.ATTENTION, 1.0)));

  private static final BatchShape BATCH = new BatchShape(3, 1, 10, 5, 10);

  @Test
  void streamedWeightsAreReadOnceASweep() {
    var problem = problem(UNIT);
    var cost = cost(problem, "ssd", new Routes.Kv("ram", "ram").whole(problem, BATCH), 1);
    double loaded = SHAPE.matrixBytes() - SHAPE.bytes(Weight.TOKENS, 0);
    double row = SHAPE.rowBytes(Weight.TOKENS, 0);
    assertEquals(loaded + 3 * 10 * row, busy(cost, Phase.PREFILL, "read(ssd)"), 1e-3);
    assertEquals(4 * (loaded + 3 * row), busy(cost, Phase.DECODE, "read(ssd)"), 1e-3);
  }

  @Test
  void decodeReadsTheWholeContextOfEveryStep() {
    var problem = problem(UNIT);
    var cost = cost(problem, "ram", new Routes.Kv("ssd", "ram").whole(problem, BATCH), 1);
    double token = SHAPE.kvBytesPerToken(ElementType.F32);
    // Steps find 10, 11, 12 and 13 tokens of each of 3 sequences.
    assertEquals(3 * token * (10 + 11 + 12 + 13), busy(cost, Phase.DECODE, "read(ssd)"), 1e-3);
    assertEquals(3 * token * 10, busy(cost, Phase.PREFILL, "write(ssd)"), 1e-3);
    assertEquals(3 * token * 4, busy(cost, Phase.DECODE, "write(ssd)"), 1e-3);
    assertEquals(0, busy(cost, Phase.PREFILL, "read(ssd)"));
  }

  @Test
  void onlyQueriesAndPartialResultsCrossTheLinkOfADrive() {
    var problem = problem(UNIT);
    var cost = cost(problem, "ram", new Routes.Kv("inst", "inst").whole(problem, BATCH), 1);
    double token = SHAPE.kvBytesPerToken(ElementType.F32);
    double rows = 3 * 4 * SHAPE.layers();
    assertEquals(0, busy(cost, Phase.DECODE, "internal(inst)"), "all wait in the drive's DRAM");
    assertEquals(
        2 * 3 * token * 46,
        busy(cost, Phase.DECODE, "compute(inst)"),
        1e-3,
        "two query heads share keys and values");
    assertEquals(
        rows * 4 * (SHAPE.queryWidth() + 2 * SHAPE.heads()),
        busy(cost, Phase.DECODE, "read(inst)"),
        1e-3);
    assertEquals(
        rows * 4 * SHAPE.queryWidth() + 3 * token * 4,
        busy(cost, Phase.DECODE, "write(inst)"),
        1e-3);
  }

  @Test
  void aDriveReadsWholePagesOfItsFlashAndWaitsForThemOnceACommand() {
    var problem = problem(withFlash(1, 2));
    // Pages of 128 tokens of a head: steps find 124 to 132 tokens, five of them a page.
    var batch = new BatchShape(3, 1, 124, 10, 124);
    var region = new Routes.Kv("inst", "inst").whole(problem, batch);
    var cost = CostModel.evaluate(problem, batch, 1, List.of(), List.of(region), List.of());
    double token = SHAPE.kvBytesPerToken(ElementType.F32);
    assertEquals(
        3 * token * 128 * 5 + 5 * SHAPE.layers(), busy(cost, Phase.DECODE, "internal(inst)"), 1e-3);
    double queries = 3 * 9 * SHAPE.layers() * 4 * SHAPE.queryWidth();
    assertEquals(
        queries + 3 * token * 9 + 2 * SHAPE.layers(),
        busy(cost, Phase.DECODE, "write(inst)"),
        1e-3,
        "the fifth step fills a page in every layer");
    assertEquals(3 * token * 124, busy(cost, Phase.PREFILL, "write(inst)"), 1e-3);
  }

  /**
   * @param read seconds until pages of flash are read
   * @param program seconds until they are programmed
   */
  private static Machine withFlash(double read, double program) {
    var devices = new ArrayList<>(UNIT.devices());
    var drive = devices.removeLast();
    var rates = new EnumMap<Rate, RateValue>(drive.rates());
    rates.put(Rate.READ_TIME, new RateValue(read, Origin.ASSUMED));
    rates.put(Rate.PROGRAM_TIME, new RateValue(program, Origin.ASSUMED));
    devices.add(
        new DeviceSpec(
            drive.name(),
            drive.kind(),
            drive.capacityBytes(),
            drive.reserveBytes(),
            drive.path(),
            drive.emulated(),
            rates));
    return new Machine(devices, UNIT.links());
  }

  @Test
  void regionsOfOneCacheAddUpToTheWhole() {
    var problem = problem(UNIT);
    var whole = new Routes.Kv("ssd", "ram").whole(problem, BATCH);
    var chunked = new BatchShape(3, 1, 10, 5, 4);
    for (var batch : List.of(BATCH, chunked)) {
      var parts =
          List.of(
              part("a", new Range(0, 3), new Range(0, 4), new Range(0, 6)),
              part("b", new Range(0, 3), new Range(0, 4), new Range(6, 14)));
      var all = CostModel.evaluate(problem, batch, 1, List.of(), List.of(whole), List.of());
      var sum = CostModel.evaluate(problem, batch, 1, List.of(), parts, List.of());
      for (var phase : Phase.values()) {
        assertEquals(
            busy(all, phase, "read(ssd)"),
            busy(sum, phase, "read(ssd)"),
            1e-3,
            phase + " " + batch);
      }
    }
  }

  @Test
  void withoutPrefetchLoadsAndTheRestTakeTurns() {
    var problem = problem(UNIT);
    var kv = new Routes.Kv("ram", "ram").whole(problem, BATCH);
    var ahead = cost(problem, "ssd", kv, 1).prediction();
    var inTurn = cost(problem, "ssd", kv, 0).prediction();
    assertTrue(inTurn.decodeSeconds() > ahead.decodeSeconds());
    assertTrue(inTurn.prefillSeconds() > ahead.prefillSeconds());
  }

  @Test
  void throughputCountsPrefillAndTheFirstToken() {
    var problem = problem(UNIT);
    var p = cost(problem, "ram", new Routes.Kv("ram", "ram").whole(problem, BATCH), 1).prediction();
    assertEquals(
        3 * 5 / (p.prefillSeconds() + p.decodeSeconds()), p.throughputTokensPerSecond(), 1e-12);
    assertEquals(3 * 10 / p.prefillSeconds(), p.prefillTokensPerSecond(), 1e-12);
    assertEquals(3 * 4 / p.decodeSeconds(), p.decodeTokensPerSecond(), 1e-12);
  }

  private static KvRegion part(String name, Range sequences, Range heads, Range tokens) {
    return new KvRegion(
        name, new Range(0, 4), sequences, heads, tokens, "ssd", "ram", Optional.empty());
  }

  private static CostModel.Cost cost(Problem problem, String home, KvRegion kv, int prefetch) {
    var weights = new ArrayList<WeightRegion>();
    for (var weight : Weight.values()) {
      if (SHAPE.rows(weight) > 0) {
        weights.add(
            new WeightRegion(
                weight,
                Range.upTo(weight.perLayer() ? SHAPE.layers() : 1),
                Range.upTo(SHAPE.rows(weight)),
                home,
                SHAPE.weightType()));
      }
    }
    return CostModel.evaluate(problem, BATCH, prefetch, weights, List.of(kv), List.of());
  }

  private static double busy(CostModel.Cost cost, Phase phase, String resource) {
    return cost.busy().stream()
        .filter(b -> b.phase() == phase && b.resource().equals(resource))
        .mapToDouble(Placement.Busy::seconds)
        .sum();
  }

  private static Problem problem(Machine machine) {
    return Problem.of(
        machine,
        SHAPE,
        ElementType.F32,
        Examples.fixed(10, 5, 3),
        Bounds.none(),
        Objective.throughput());
  }
}
