package dev.stowage.optimizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.optimizer.PlacementOutcome.Placed;
import dev.stowage.optimizer.cost.CostModel;
import dev.stowage.optimizer.formulate.Routes;
import dev.stowage.optimizer.ortools.GlopSolver;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.LinkSpec;
import dev.stowage.plan.Machine;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Origin;
import dev.stowage.plan.Range;
import dev.stowage.plan.Rate;
import dev.stowage.plan.Weight;
import dev.stowage.plan.WeightRegion;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Set-ups of FlexGen (arXiv 2303.06865) and InstInfer (arXiv 2409.04992), planned. */
class PublishedPlansTest {
  private static final ModelShape OPT_30B = Examples.opt(48, 7168, 56);
  private static final ModelShape OPT_175B = Examples.opt(96, 12288, 96);
  private static final ModelShape OPT_13B = Examples.opt(40, 5120, 40);

  @Test
  void opt30bOnOneT4IsNearWhatFlexGenReachesAndBetterThanItsPolicy() {
    var problem =
        Problem.of(
            Examples.t4Box(),
            OPT_30B,
            ElementType.F16,
            Examples.workload(512, 32, new Choices(16, 512, 16)),
            Bounds.none(),
            Objective.throughput());
    var placement = place(problem);
    double published = 7.32;
    double planned = placement.predicted().throughputTokensPerSecond();
    assertTrue(
        published / 3 < planned && planned < published * 3,
        () -> planned + " tok/s, published " + published);

    double policy = flexGenPolicy(problem).prediction().throughputTokensPerSecond();
    assertTrue(planned > policy, () -> planned + " tok/s, FlexGen's policy " + policy);
  }

  @Test
  void opt30bKeepsWhatItsAuthorAskedFor() {
    var embedAndHead = Thing.Weights.of(OPT_30B, EnumSet.of(Weight.Group.EMBED, Weight.Group.HEAD));
    var firstLayers =
        new Thing.Weights(
            EnumSet.complementOf(EnumSet.of(Weight.TOKENS, Weight.POSITIONS)), new Range(0, 4));
    var bounds =
        new Bounds(
            List.of(),
            List.of(
                new Bounds.Share(
                    Thing.Weights.all(OPT_30B),
                    List.of("t4"),
                    0.15,
                    1,
                    Examples.said("weights on t4 >= 15%")),
                new Bounds.Share(
                    embedAndHead,
                    List.of("t4"),
                    1,
                    1,
                    Examples.said("weights of embed, head on t4 100%")),
                new Bounds.Share(
                    firstLayers,
                    List.of("t4"),
                    1,
                    1,
                    Examples.said("weights of layers[0..3] on t4 100%"))),
            List.of(
                new Bounds.Preference(
                    new Thing.Kv(),
                    List.of("ram"),
                    0.9,
                    1,
                    50,
                    Examples.said("prefer kv on ram >= 90% weight 50"))),
            List.of(
                new Bounds.ServiceLevel.BlockLatency(
                    3600, Examples.said("latency(block) <= 60 min")),
                new Bounds.ServiceLevel.Peak(
                    "ram", 180 * Examples.GIB, Examples.said("peak(ram) <= 180 GiB"))),
            KvAxis.TOKENS,
            List.of(
                new Bounds.AttentionPlace(
                    List.of("ram"),
                    List.of("ram"),
                    Examples.said("attention decode on ram when kv on ram"))));
    var problem =
        Problem.of(
            Examples.t4Box(),
            OPT_30B,
            ElementType.F16,
            Examples.workload(512, 32, new Choices(16, 512, 16)),
            bounds,
            new Objective(
                new Objective.Goal.MaximizeThroughput(),
                List.of(new Objective.Goal.MinimizePeak("t4"))));
    var placement = place(problem);

    assertTrue(share(placement, "weights", "t4") >= 0.149);
    assertTrue(share(placement, "kv", "ram") >= 0.9);
    assertTrue(
        placement.weights().stream()
            .filter(r -> r.weight() == Weight.TOKENS || r.layers().overlaps(new Range(0, 4)))
            .filter(r -> r.weight().perLayer() || r.weight() == Weight.TOKENS)
            .allMatch(r -> r.home().equals("t4")));
    assertTrue(
        placement.kv().stream()
            .filter(r -> r.device().equals("ram"))
            .allMatch(r -> r.attendAt().equals("ram")));
    assertTrue(
        placement.predicted().prefillSeconds() + placement.predicted().decodeSeconds() <= 3600);
  }

  @Test
  void opt175bRunsFromDiskWithinAFactorThreeOfFlexGen() {
    var problem =
        Problem.of(
            Examples.t4Box(),
            OPT_175B,
            ElementType.F16,
            Examples.workload(512, 32, Choices.range(1, 512)),
            Bounds.none(),
            Objective.throughput());
    var placement = place(problem);
    double published = 0.69;
    double planned = placement.predicted().throughputTokensPerSecond();
    assertTrue(
        published / 3 < planned && planned < published * 3,
        () -> planned + " tok/s, published " + published);
    assertTrue(share(placement, "kv", "nvme") > 0.5);
    assertEquals("read(nvme)", placement.predicted().decodeBound());
  }

  @Test
  void moreComputationalDrivesDecodeFaster() {
    double one = place(opt13bWithDrives(1)).predicted().decodeTokensPerSecond();
    double four = place(opt13bWithDrives(4)).predicted().decodeTokensPerSecond();
    assertTrue(four > 2.5 * one, () -> one + " tok/s with one drive, " + four + " with four");
  }

  private static Problem opt13bWithDrives(int drives) {
    var devices = new ArrayList<dev.stowage.plan.DeviceSpec>();
    var links = new ArrayList<LinkSpec>();
    devices.add(
        Examples.device(
            "a6000",
            DeviceKind.GPU,
            48 * Examples.GIB,
            2 * Examples.GIB,
            Map.of(
                Rate.MEMORY_BANDWIDTH, 700e9,
                Rate.PREFILL_COMPUTE, 100e12,
                Rate.DECODE_COMPUTE, 50e12,
                Rate.ATTENTION, 400e9)));
    devices.add(Examples.host(96 * Examples.GIB));
    links.add(new LinkSpec("a6000", "ram", 32e9, 10e-6, Origin.SPEC));
    links.add(new LinkSpec("ram", "a6000", 32e9, 10e-6, Origin.SPEC));
    var names = IntStream.range(0, drives).mapToObj(i -> "inst[" + i + "]").toList();
    for (var name : names) {
      devices.add(Examples.csd(name, 2000L * 1000 * 1000 * 1000));
      links.add(new LinkSpec("a6000", name, 7e9, 10e-6, Origin.SPEC));
      links.add(new LinkSpec(name, "a6000", 7e9, 10e-6, Origin.SPEC));
    }
    var bounds =
        new Bounds(
            List.of(),
            List.of(
                new Bounds.Share(
                    new Thing.Kv(), names, 1, 1, Examples.said("kv on inst 100% split heads"))),
            List.of(),
            List.of(),
            KvAxis.HEADS,
            List.of());
    return Problem.of(
        new Machine(devices, links),
        OPT_13B,
        ElementType.F16,
        Examples.workload(1024, 1024, Choices.fixed(64)),
        bounds,
        Objective.throughput());
  }

  /** Block of 48 × 3, 20 % of the weights on the card, KV and activations in host memory. */
  private static CostModel.Cost flexGenPolicy(Problem problem) {
    var batch = new BatchShape(144, 3, 512, 32, 512);
    var weights = new ArrayList<WeightRegion>();
    for (var weight : Weight.values()) {
      int rows = OPT_30B.rows(weight);
      if (rows > 0) {
        var layers = Range.upTo(weight.perLayer() ? OPT_30B.layers() : 1);
        weights.add(
            new WeightRegion(weight, layers, new Range(0, rows / 5), "t4", ElementType.F16));
        weights.add(
            new WeightRegion(weight, layers, new Range(rows / 5, rows), "ram", ElementType.F16));
      }
    }
    return CostModel.evaluate(
        problem,
        batch,
        1,
        weights,
        List.of(new Routes.Kv("ram", "ram").whole(problem, batch)),
        List.of(new Placement.WaitingHidden("ram", 3)));
  }

  private static double share(Placement placement, String what, String device) {
    return placement.shares().stream()
        .filter(s -> s.what().equals(what) && s.device().equals(device))
        .mapToDouble(dev.stowage.plan.Asked::realised)
        .sum();
  }

  private static Placement place(Problem problem) {
    return assertInstanceOf(Placed.class, new Optimizer(new GlopSolver()).place(problem))
        .placement();
  }
}
