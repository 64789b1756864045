package dev.stowage.optimizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.optimizer.PlacementOutcome.Placed;
import dev.stowage.optimizer.cost.CostModel;
import dev.stowage.optimizer.cost.MemoryUse;
import dev.stowage.optimizer.formulate.Formulation;
import dev.stowage.optimizer.formulate.KvGroup;
import dev.stowage.optimizer.formulate.KvPart;
import dev.stowage.optimizer.formulate.Routes;
import dev.stowage.optimizer.ortools.GlopSolver;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Machine;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Range;
import dev.stowage.plan.Rate;
import dev.stowage.plan.Stages;
import dev.stowage.plan.Weight;
import dev.stowage.plan.WeightRegion;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class OptimumTest {
  private static final ModelShape SHAPE = Examples.tinyLlama();
  private static final int GRID = 16;

  @Test
  void aTinyCaseIsAsGoodAsEveryPlacementOnAGrid() {
    for (long seed = 0; seed < 6; seed++) {
      var problem = tight(seed);
      var batch = new BatchShape(4, 1, 32, 16, 32);
      var placement = place(problem);
      double planned =
          placement.predicted().prefillSeconds() + placement.predicted().decodeSeconds();
      double best = bestOnGrid(problem, batch);
      double bound = bound(problem, batch);
      assertTrue(
          planned <= best * 1.002, "seed " + seed + ": " + planned + " s, on the grid " + best);
      assertTrue(
          bound <= best * (1 + 1e-9), "seed " + seed + ": bound " + bound + " s, grid " + best);
      assertTrue(planned <= bound * 1.25, "seed " + seed + ": " + planned + " s, bound " + bound);
    }
  }

  /** The optimum is convex in a capacity: a price lies between the slopes on both sides. */
  @Test
  void aPriceIsWhatALittleMoreMemoryIsWorth() {
    int smooth = 0;
    for (long seed = 0; seed < 6; seed++) {
      var problem = tight(seed);
      for (var price : place(problem).prices()) {
        assertEquals("memory(ram)", price.row(), "seed " + seed);
        double less = slope(problem, -512);
        double more = slope(problem, 512);
        double tolerance = Math.abs(less) * 0.01;
        assertTrue(
            less - tolerance <= price.secondsPerUnit()
                && price.secondsPerUnit() <= more + tolerance,
            "seed %d: %s between %s and %s".formatted(seed, price, less, more));
        smooth += more - less <= tolerance ? 1 : 0;
      }
    }
    assertTrue(smooth >= 3, smooth + " prices away from a kink");
  }

  @Test
  void theShapeTakenIsAmongThoseLookedAtAndNoSlowerThanItsBound() {
    for (long seed = 0; seed < 3; seed++) {
      var placement = place(tight(seed));
      var taken =
          placement.candidates().stream()
              .filter(
                  c -> c.batch().equals(placement.batch()) && c.prefetch() == placement.prefetch())
              .toList();
      assertEquals(1, taken.size(), "seed " + seed);
      double bound = taken.getFirst().blockSeconds();
      double planned =
          placement.predicted().prefillSeconds() + placement.predicted().decodeSeconds();
      assertTrue(planned >= bound * (1 - 1e-6), "seed " + seed + ": " + planned + " < " + bound);
      assertEquals(
          placement.batch().sequences() * placement.batch().generateTokens() / bound,
          taken.getFirst().throughputTokensPerSecond(),
          1e-9 / bound,
          "seed " + seed);
    }
  }

  private static double slope(Problem problem, long bytes) {
    var batch = new BatchShape(4, 1, 32, 16, 32);
    var devices = new ArrayList<>(problem.machine().devices());
    devices.set(0, Examples.host(problem.host().capacityBytes() + bytes));
    var changed = with(new Machine(devices, List.of()));
    return (bound(changed, batch) - bound(problem, batch)) / (bytes / (double) Examples.GIB);
  }

  @Test
  void theProgramOfATinyProblemReadsLikeThis() throws IOException {
    var machine =
        Examples.machine(
            Examples.host(Examples.MIB),
            Examples.disk(8 * Examples.MIB),
            Examples.csd("inst", 8 * Examples.MIB));
    var bounds =
        new Bounds(
            List.of(),
            List.of(
                new Bounds.Share(
                    new Thing.Kv(),
                    List.of("inst"),
                    0.1,
                    0.5,
                    Examples.said("kv on inst 10%..50%")),
                new Bounds.Share(
                    new Thing.Weights(Set.of(Weight.UP, Weight.DOWN), new Range(0, 2)),
                    List.of("ssd"),
                    1,
                    1,
                    Examples.said("weights of layers[0..1].mlp on ssd 100%"))),
            List.of(),
            List.of(
                new Bounds.ServiceLevel.BlockLatency(1, Examples.said("latency(block) <= 1 s"))),
            KvAxis.TOKENS,
            List.of());
    var problem =
        Problem.of(
            machine,
            SHAPE,
            ElementType.F32,
            Examples.fixed(32, 16, 4),
            bounds,
            Objective.throughput());
    var formulation = Formulation.open(problem, new BatchShape(4, 1, 32, 16, 32), 1, Set.of());
    String text = formulation.model(formulation.blockTime(), List.of()).text();

    var baseline = Path.of("src/test/resources/dev/stowage/optimizer/tiny.lp.txt");
    if (Boolean.getBoolean("stowage.baselines.rewrite")) {
      Files.writeString(baseline, text);
    }
    assertEquals(Files.readString(baseline, StandardCharsets.UTF_8), text);
  }

  /** A host that cannot hold all, and a disk whose time is all in its bytes. */
  private static Problem tight(long seed) {
    long kv = SHAPE.kvBytesPerToken(ElementType.F32) * 47 * 4;
    long part = new Random(seed).nextLong((SHAPE.matrixBytes() + kv) / 2);
    return with(
        Examples.machine(
            Examples.host(SHAPE.matrixBytes() / 2 + 500_000 + part),
            Examples.device("ssd", DeviceKind.DISK, Examples.GIB, 0, Map.of(Rate.LATENCY, 1e-12))));
  }

  private static Problem with(Machine machine) {
    return new Problem(
        machine,
        SHAPE,
        ElementType.F32,
        Examples.fixed(32, 16, 4),
        Stages.on("ram", SHAPE.layers()),
        List.of(),
        new dev.stowage.plan.Schedule.Order.ZigZag(),
        Choices.fixed(1),
        new Bounds(List.of(), List.of(), List.of(), List.of(), KvAxis.SEQUENCES, List.of()),
        Objective.throughput(),
        Set.of());
  }

  private static double bound(Problem problem, BatchShape batch) {
    var formulation = Formulation.open(problem, batch, 1, Set.of());
    var outcome = new GlopSolver().solve(formulation.model(formulation.blockTime(), List.of()));
    return assertInstanceOf(LpOutcome.Optimal.class, outcome).objective() / 1e3;
  }

  /**
   * Every mix of attention's, the MLP's and the embeddings' share in sixteenths, and of sequences.
   */
  private static double bestOnGrid(Problem problem, BatchShape batch) {
    double best = Double.POSITIVE_INFINITY;
    for (int attention = 0; attention <= GRID; attention++) {
      for (int mlp = 0; mlp <= GRID; mlp++) {
        for (int rest = 0; rest <= GRID; rest += GRID) {
          var weights = weights(attention, mlp, rest);
          for (int sequences = 0; sequences <= batch.sequences(); sequences++) {
            var kv = kv(problem, batch, sequences);
            var waiting = List.of(new Placement.WaitingHidden("ram", 1));
            var use = MemoryUse.of(problem, batch, 1, weights, kv, waiting);
            if (Rounding.excess(problem, use).isEmpty()) {
              best =
                  Math.min(
                      best,
                      CostModel.evaluate(problem, batch, 1, weights, kv, waiting).blockSeconds());
            }
          }
        }
      }
    }
    return best;
  }

  private static List<WeightRegion> weights(int attention, int mlp, int rest) {
    var weights = new ArrayList<WeightRegion>();
    for (var weight : Weight.values()) {
      int rows = SHAPE.rows(weight);
      int onHost =
          rows
              * switch (weight.group()) {
                case ATTENTION -> attention;
                case MLP -> mlp;
                case EMBED, HEAD -> rest;
              }
              / GRID;
      var layers = Range.upTo(weight.perLayer() ? SHAPE.layers() : 1);
      if (onHost > 0) {
        weights.add(
            new WeightRegion(weight, layers, new Range(0, onHost), "ram", SHAPE.weightType()));
      }
      if (onHost < rows) {
        weights.add(
            new WeightRegion(weight, layers, new Range(onHost, rows), "ssd", SHAPE.weightType()));
      }
    }
    return weights;
  }

  private static List<KvRegion> kv(Problem problem, BatchShape batch, int onHost) {
    var units = new LinkedHashMap<Routes.Alike, Integer>();
    if (onHost > 0) {
      units.put(new Routes.Alike(List.of(new Routes.Kv("ram", "ram"))), onHost);
    }
    if (onHost < batch.sequences()) {
      units.put(new Routes.Alike(List.of(new Routes.Kv("ssd", "ram"))), batch.sequences() - onHost);
    }
    return Rounding.regions(
        problem,
        batch,
        Map.of(new KvPart(KvGroup.of(problem).getFirst(), Range.upTo(batch.tokens())), units));
  }

  private static Placement place(Problem problem) {
    return assertInstanceOf(Placed.class, new Optimizer(new GlopSolver()).place(problem))
        .placement();
  }
}
