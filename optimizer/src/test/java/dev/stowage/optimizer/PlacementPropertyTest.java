package dev.stowage.optimizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.optimizer.PlacementOutcome.GaveUp;
import dev.stowage.optimizer.PlacementOutcome.Infeasible;
import dev.stowage.optimizer.PlacementOutcome.Placed;
import dev.stowage.optimizer.cost.MemoryUse;
import dev.stowage.optimizer.ortools.GlopSolver;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Machine;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Range;
import dev.stowage.plan.Sparsity;
import dev.stowage.plan.Weight;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** What holds for every placement, on problems drawn at random. */
class PlacementPropertyTest {
  private static final ModelShape SHAPE = Examples.tinyLlama();
  private static final int DRAWS = 150;

  private final Optimizer optimizer = new Optimizer(new GlopSolver());

  @Test
  void wholeUnitsFillModelAndCacheAndFitEveryDevice() {
    int placed = 0;
    for (long seed = 0; seed < DRAWS; seed++) {
      var problem = draw(new Random(seed));
      String about = "seed " + seed;
      switch (optimizer.place(problem)) {
        case Placed(var placement) -> {
          placed++;
          assertWeightsCovered(placement, about);
          assertCacheFilled(problem, placement, about);
          assertFits(problem, placement, about);
          assertSharesKept(problem, placement, about);
          assertEquals(
              placement.batch().microBatches(),
              placement.activations().stream().mapToInt(w -> w.microBatches()).sum(),
              about);
        }
        case Infeasible(var batch, var conflicts) ->
            assertTrue(conflicts.stream().allMatch(c -> c.amount() > 0), about + conflicts);
        case GaveUp(var reason) -> throw new AssertionError(about + ": " + reason);
      }
    }
    int count = placed;
    assertTrue(
        count > DRAWS / 3 && count < DRAWS, () -> count + " of " + DRAWS + " draws were placed");
  }

  @Test
  void theSameProblemGivesTheSamePlacement() {
    for (long seed = 0; seed < 12; seed++) {
      var first = optimizer.place(draw(new Random(seed)));
      var second = new Optimizer(new GlopSolver()).place(draw(new Random(seed)));
      assertEquals(first.toString(), second.toString(), "seed " + seed);
    }
  }

  @Test
  void moreHostMemoryNeverWorsensTheOptimum() {
    for (long seed = 0; seed < 8; seed++) {
      long capacity = SHAPE.matrixBytes() / 2 + new Random(seed).nextInt(100_000);
      double before = 0;
      for (int step = 0; step < 8; step++) {
        var machine =
            Examples.machine(
                Examples.host(capacity + step * 150_000L), Examples.disk(Examples.GIB));
        var problem =
            Problem.of(
                machine,
                SHAPE,
                ElementType.F32,
                Examples.fixed(32, 32, 8),
                Bounds.none(),
                Objective.throughput());
        double now =
            optimizer.place(problem) instanceof Placed(var placement)
                ? placement.predicted().throughputTokensPerSecond()
                : 0;
        double previous = before;
        // Whole rows and answers that count as equally good may cost a little.
        assertTrue(
            now >= previous * 0.98,
            "seed " + seed + ", step " + step + ": " + previous + " tok/s, then " + now);
        before = now;
      }
      assertTrue(before > 0, "seed " + seed);
    }
  }

  @Test
  void aBlockIsNeverLargerThanTheRequests() {
    var problem =
        Problem.of(
            Examples.machine(Examples.host(Examples.GIB)),
            SHAPE,
            ElementType.F32,
            new Workload(
                32,
                32,
                OptionalInt.of(5),
                Choices.range(1, 64),
                Choices.range(1, 4),
                Choices.range(1, 32)),
            Bounds.none(),
            Objective.throughput());
    var placement = assertInstanceOf(Placed.class, optimizer.place(problem)).placement();
    assertTrue(placement.batch().sequences() <= 5, placement.batch().toString());
  }

  private static void assertWeightsCovered(Placement placement, String about) {
    for (var weight : Weight.values()) {
      int layers = weight.perLayer() ? SHAPE.layers() : 1;
      for (int layer = 0; layer < layers; layer++) {
        var seen = new boolean[SHAPE.rows(weight)];
        for (var region : placement.weights()) {
          if (region.weight() == weight && region.layers().contains(layer)) {
            for (int row = region.rows().from(); row < region.rows().to(); row++) {
              assertFalse(seen[row], about + ": twice " + weight + " row " + row);
              seen[row] = true;
            }
          }
        }
        for (int row = 0; row < seen.length; row++) {
          assertTrue(seen[row], about + ": no " + weight + " row " + row);
        }
      }
    }
  }

  private static void assertCacheFilled(Problem problem, Placement placement, String about) {
    long all =
        LongStream.of(
                SHAPE.layers(),
                placement.batch().sequences(),
                SHAPE.kvHeads(),
                placement.batch().tokens())
            .reduce(1, Math::multiplyExact);
    long sum = 0;
    var regions = placement.kv();
    for (int i = 0; i < regions.size(); i++) {
      sum += cells(regions.get(i));
      for (int j = 0; j < i; j++) {
        assertFalse(regions.get(i).overlaps(regions.get(j)), about + regions);
      }
    }
    assertEquals(all, sum, about + regions);
    assertEquals(
        regions.size(), regions.stream().map(KvRegion::name).distinct().count(), about + regions);
  }

  private static long cells(KvRegion region) {
    return (long) region.layers().size()
        * region.sequences().size()
        * region.heads().size()
        * region.tokens().size();
  }

  private static void assertFits(Problem problem, Placement placement, String about) {
    var use =
        MemoryUse.of(
            problem.withKvType(placement.kvType()),
            placement.batch(),
            placement.prefetch(),
            placement.weights(),
            placement.kv(),
            placement.activations());
    for (var device : problem.machine().devices()) {
      assertTrue(
          use.on(device.name()).total() <= device.usableBytes(),
          about + ": " + device + " holds " + use.on(device.name()));
    }
  }

  private static void assertSharesKept(Problem problem, Placement placement, String about) {
    for (var bound : problem.bounds().shares()) {
      double share =
          bound.thing() instanceof Thing.Kv kv
              ? kvShare(placement, kv, bound.devices())
              : placement.shares().stream()
                  .filter(s -> s.what().equals(bound.thing().word()))
                  .filter(s -> bound.devices().contains(s.device()))
                  .mapToDouble(dev.stowage.plan.Asked::realised)
                  .sum();
      double unit = bound.thing() instanceof Thing.Kv kv ? unit(problem, placement, kv) : 0.02;
      assertTrue(
          bound.atLeast() - 1.01 * unit <= share && share <= bound.atMost() + 1.01 * unit,
          about + ": " + share + " for " + bound);
    }
  }

  private static double kvShare(Placement placement, Thing.Kv thing, List<String> devices) {
    double all = 0;
    double there = 0;
    for (var region : placement.kv()) {
      for (int layer = region.layers().from(); layer < region.layers().to(); layer++) {
        if (thing.covers(layer)) {
          double keys =
              (double) region.sequences().size() * region.heads().size() * region.tokens().size();
          all += keys;
          there += devices.contains(region.device()) ? keys : 0;
        }
      }
    }
    return there / all;
  }

  /** A unit of every layer's cache, as a share of the thing. */
  private static double unit(Problem problem, Placement placement, Thing.Kv thing) {
    return IntStream.range(0, SHAPE.layers())
        .filter(thing::covers)
        .mapToDouble(
            layer ->
                1.0
                    / switch (problem.bounds().kvAxisOf(layer)) {
                      case TOKENS -> placement.batch().tokens();
                      case HEADS -> SHAPE.kvHeads();
                      case SEQUENCES -> placement.batch().sequences();
                    })
        .average()
        .orElseThrow();
  }

  /** The cache of some layers, with gaps between them or none; sometimes of all. */
  private static Thing.Kv kv(Random random) {
    var layers = new ArrayList<Range>();
    for (int layer = 0; layer < SHAPE.layers(); layer++) {
      if (random.nextBoolean()) {
        layers.add(new Range(layer, layer + 1));
      }
    }
    return new Thing.Kv(layers);
  }

  private static Problem draw(Random random) {
    long weights = SHAPE.matrixBytes();
    var devices = new ArrayList<DeviceSpec>();
    if (random.nextInt(3) == 0) {
      devices.add(
          Examples.device(
              "card", DeviceKind.GPU, weights / 4 + random.nextLong(2 * weights), 0, Map.of()));
    }
    devices.add(Examples.host(weights / 3 + random.nextLong(3 * weights)));
    if (random.nextInt(4) > 0) {
      devices.add(Examples.disk(weights / 4 + random.nextLong(4 * weights)));
    }
    for (int i = 0; i < random.nextInt(3); i++) {
      devices.add(Examples.csd("inst[" + i + "]", random.nextLong(2 * weights)));
    }
    var axis = KvAxis.values()[random.nextInt(3)];
    var shares = new ArrayList<Bounds.Share>();
    if (random.nextInt(3) == 0) {
      double low = random.nextInt(50) / 100.0;
      shares.add(
          new Bounds.Share(
              random.nextBoolean() ? new Thing.Kv() : Thing.Weights.all(SHAPE),
              List.of(devices.get(random.nextInt(devices.size())).name()),
              low,
              low + random.nextInt(50) / 100.0,
              Examples.said("share " + low)));
    }
    var cuts = new ArrayList<Bounds.KvCut>();
    if (random.nextInt(3) == 0) {
      double low = random.nextInt(50) / 100.0;
      shares.add(
          new Bounds.Share(
              kv(random),
              List.of(devices.get(random.nextInt(devices.size())).name()),
              low,
              low + random.nextInt(50) / 100.0,
              Examples.said("share of some layers " + low)));
      cuts.add(new Bounds.KvCut(kv(random), KvAxis.values()[random.nextInt(3)]));
    }
    int sequences = 1 + random.nextInt(12);
    int prompt = 1 + random.nextInt(60);
    return Problem.of(
        new Machine(devices, List.of()),
        SHAPE,
        ElementType.F32,
        new Workload(
            prompt,
            1 + random.nextInt(60),
            OptionalInt.empty(),
            new Choices(1 + random.nextInt(sequences), sequences, 1 + random.nextInt(3)),
            Choices.range(1, 3),
            Choices.range(1 + random.nextInt(prompt), prompt)),
        new Bounds(
            List.of(),
            shares,
            List.of(),
            List.of(),
            axis,
            List.of(),
            formats(random),
            sparse(random),
            Optional.empty(),
            cuts),
        Objective.throughput());
  }

  private static List<Bounds.Format> formats(Random random) {
    var formats = new ArrayList<Bounds.Format>();
    if (random.nextInt(3) == 0) {
      formats.add(
          new Bounds.Format(
              random.nextBoolean()
                  ? Thing.Weights.all(SHAPE)
                  : Thing.Weights.of(SHAPE, EnumSet.of(Weight.Group.MLP)),
              random.nextBoolean()
                  ? List.of(ElementType.F32, ElementType.INT8, ElementType.INT4)
                  : List.of(ElementType.INT4),
              Examples.said("weights quantized")));
    }
    if (random.nextInt(3) == 0) {
      formats.add(
          new Bounds.Format(
              new Thing.Kv(),
              List.of(ElementType.INT8, ElementType.F16),
              Examples.said("kv quantized")));
    }
    return formats;
  }

  private static List<Bounds.SparseAttention> sparse(Random random) {
    var part = Optional.of(Sparsity.ofBytes(0.25, SHAPE.headDim()));
    return random.nextInt(3) > 0
        ? List.of()
        : List.of(
            new Bounds.SparseAttention(
                List.of(),
                random.nextBoolean() ? List.of(part) : List.of(Optional.empty(), part),
                Examples.said("attention sparse")));
  }
}
