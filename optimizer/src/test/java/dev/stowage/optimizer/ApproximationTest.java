package dev.stowage.optimizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.optimizer.Bounds.Quality.Loss;
import dev.stowage.optimizer.PlacementOutcome.Infeasible;
import dev.stowage.optimizer.PlacementOutcome.Placed;
import dev.stowage.optimizer.cost.KvWork;
import dev.stowage.optimizer.cost.Resources;
import dev.stowage.optimizer.formulate.Routes;
import dev.stowage.optimizer.ortools.GlopSolver;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Machine;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Rate;
import dev.stowage.plan.Sparsity;
import dev.stowage.plan.Weight;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What may be stored or read otherwise, is so only where it is allowed and where it pays. */
class ApproximationTest {
  private static final ModelShape OPT = Examples.opt(24, 2048, 32);
  private static final Thing.Weights ALL = Thing.Weights.all(OPT);
  private static final Bounds.Format ANY_TYPE =
      new Bounds.Format(
          ALL,
          List.of(ElementType.F16, ElementType.INT8, ElementType.INT4),
          Examples.said("weights auto"));

  /** A host that holds half of the model. */
  private static final Machine SMALL_HOST =
      Examples.machine(Examples.host(OPT.matrixBytes() / 2), Examples.disk(64 * Examples.GIB));

  @Test
  void nothingIsQuantizedUnasked() {
    var placement = place(problem(SMALL_HOST, 1, List.of(), List.of(), Optional.empty()));
    assertEquals(
        0, quantized(placement, ElementType.INT8) + quantized(placement, ElementType.INT4));
    assertEquals(ElementType.F16, placement.kvType());
    assertTrue(placement.kv().stream().allMatch(r -> r.sparsity().isEmpty()));
  }

  @Test
  void weightsThatWouldComeFromADiskAreQuantizedWhereThatIsAllowed() {
    var exact = place(problem(SMALL_HOST, 1, List.of(), List.of(), Optional.empty()));
    var free = place(problem(SMALL_HOST, 1, List.of(ANY_TYPE), List.of(), Optional.empty()));
    assertTrue(quantized(free, ElementType.INT8) + quantized(free, ElementType.INT4) > 0.5);
    assertTrue(tokensPerSecond(free) > 1.5 * tokensPerSecond(exact));
  }

  @Test
  void aTypeThatIsDemandedIsUsedAndTheOthersAreAsTheModelStoresThem() {
    var mlp = Thing.Weights.of(OPT, EnumSet.of(Weight.Group.MLP));
    var placement =
        place(
            problem(
                Examples.machine(Examples.host(64 * Examples.GIB)),
                1,
                List.of(
                    new Bounds.Format(
                        mlp, List.of(ElementType.INT4), Examples.said("weights of mlp int4"))),
                List.of(),
                Optional.empty()));
    for (var region : placement.weights()) {
      var expected =
          region.weight().group() == Weight.Group.MLP ? ElementType.INT4 : ElementType.F16;
      assertEquals(expected, region.type(), region.toString());
    }
  }

  @Test
  void unpackingCostsTimeSoThatWhatFitsStaysAsItIs() {
    // A compute device so slow that unpacking outweighs the bytes it saves.
    var slow =
        Examples.device(
            "ram",
            DeviceKind.HOST,
            64 * Examples.GIB,
            0,
            Map.of(
                Rate.MEMORY_BANDWIDTH, 1e12,
                Rate.DECODE_COMPUTE, 1e9));
    var placement =
        place(problem(Examples.machine(slow), 1, List.of(ANY_TYPE), List.of(), Optional.empty()));
    assertEquals(
        0, quantized(placement, ElementType.INT8) + quantized(placement, ElementType.INT4));
  }

  @Test
  void lossesStayWithinTheBudgetWhichIsUsedWhereItPays() {
    var losses =
        List.<Loss>of(
            new Loss.OfWeights(ALL, ElementType.INT8, 0.1),
            new Loss.OfWeights(ALL, ElementType.INT4, 1.0));
    double before = 0;
    for (double budget : new double[] {0, 0.05, 0.3, 1}) {
      var quality = new Bounds.Quality(budget, losses, Examples.said("within " + budget));
      var placement =
          place(problem(SMALL_HOST, 1, List.of(ANY_TYPE), List.of(), Optional.of(quality)));
      double loss =
          0.1 * quantized(placement, ElementType.INT8) + quantized(placement, ElementType.INT4);
      // Whole rows may cost a little more than the fractions they come from.
      assertTrue(loss <= budget + 1e-3, budget + ": " + loss);
      assertTrue(tokensPerSecond(placement) >= before * 0.999, "budget " + budget);
      before = tokensPerSecond(placement);
    }
  }

  @Test
  void aDemandedTypeThatCostsMoreThanTheBudgetIsAConflictOfLosses() {
    var outcome =
        new Optimizer(new GlopSolver())
            .place(
                problem(
                    SMALL_HOST,
                    1,
                    List.of(
                        new Bounds.Format(
                            ALL, List.of(ElementType.INT4), Examples.said("weights int4"))),
                    List.of(),
                    Optional.of(
                        new Bounds.Quality(
                            0.5,
                            List.of(new Loss.OfWeights(ALL, ElementType.INT4, 1.0)),
                            Examples.said("within 0.5")))));
    var conflict = assertInstanceOf(Infeasible.class, outcome).conflicts().getFirst();
    assertEquals(PlacementOutcome.Unit.LOSS, conflict.unit());
    assertEquals(1.0, conflict.needed(), 1e-6);
    assertEquals(0.5, conflict.allowed(), 1e-6);
  }

  @Test
  void theCacheIsQuantizedWhereItsBytesBind() {
    var format =
        new Bounds.Format(
            new Thing.Kv(), List.of(ElementType.F16, ElementType.INT8), Examples.said("kv auto"));
    // A fast host whose cache does not fit, so that it is read from the disk.
    var host =
        Examples.device(
            "ram",
            DeviceKind.HOST,
            OPT.matrixBytes() + Examples.GIB,
            0,
            Map.of(
                Rate.MEMORY_BANDWIDTH, 100e9,
                Rate.PREFILL_COMPUTE, 4e12,
                Rate.DECODE_COMPUTE, 2e12,
                Rate.ATTENTION, 60e9));
    var machine = Examples.machine(host, Examples.disk(64 * Examples.GIB));
    var exact = place(problem(machine, 64, List.of(), List.of(), Optional.empty()));
    var free = place(problem(machine, 64, List.of(format), List.of(), Optional.empty()));
    assertEquals(ElementType.INT8, free.kvType());
    assertTrue(tokensPerSecond(free) > 1.2 * tokensPerSecond(exact));
  }

  @Test
  void attentionInADriveReadsAPartWhereThatIsAllowed() {
    var machine =
        Examples.machine(
            Examples.host(2 * OPT.matrixBytes()), Examples.csd("inst", 64 * Examples.GIB));
    var part = Optional.of(Sparsity.ofBytes(0.125, OPT.headDim()));
    var allowed =
        new Bounds.SparseAttention(
            List.of("inst"), List.of(Optional.empty(), part), Examples.said("sparse auto"));
    var dense = place(problem(machine, 64, List.of(), List.of(), Optional.empty()));
    var sparse = place(problem(machine, 64, List.of(), List.of(allowed), Optional.empty()));
    var inDrive = sparse.kv().stream().filter(r -> r.device().equals("inst")).toList();
    assertTrue(!inDrive.isEmpty() && inDrive.stream().allMatch(r -> r.sparsity().equals(part)));
    assertTrue(
        sparse.kv().stream().allMatch(r -> r.device().equals("inst") || r.sparsity().isEmpty()));
    assertTrue(tokensPerSecond(sparse) >= tokensPerSecond(dense));
  }

  /** InstAttention reports at most 2.08 times for an eighth of the bytes (HPCA 2025). */
  @Test
  void anEighthOfTheBytesHalvesADrivesFlashTime() {
    var shape = Examples.opt(40, 5120, 40);
    var machine =
        Examples.machine(
            Examples.host(96 * Examples.GIB), Examples.csd("inst", 2000 * Examples.GIB));
    double dense = flashSeconds(machine, shape, Optional.empty());
    double sparse =
        flashSeconds(machine, shape, Optional.of(Sparsity.ofBytes(0.125, shape.headDim())));
    assertEquals(2.08, dense / sparse, 0.15);
  }

  private static double flashSeconds(
      Machine machine, ModelShape shape, Optional<Sparsity> sparsity) {
    var problem =
        Problem.of(
            machine,
            shape,
            ElementType.F16,
            Examples.fixed(1024, 1024, 16),
            Bounds.none(),
            Objective.throughput());
    var batch = new BatchShape(16, 1, 1024, 1024, 1024);
    var region = new Routes.Kv("inst", "inst", sparsity).whole(problem, batch);
    return KvWork.of(new Resources(problem), batch, region)
        .of(Phase.DECODE)
        .get("internal(inst)")
        .sum();
  }

  private static Problem problem(
      Machine machine,
      int sequences,
      List<Bounds.Format> formats,
      List<Bounds.SparseAttention> sparse,
      Optional<Bounds.Quality> quality) {
    return Problem.of(
        machine,
        OPT,
        ElementType.F16,
        Examples.fixed(128, 64, sequences),
        new Bounds(
            List.of(),
            List.of(),
            List.of(),
            List.of(),
            KvAxis.TOKENS,
            List.of(),
            formats,
            sparse,
            quality,
            List.of()),
        Objective.throughput());
  }

  private static Placement place(Problem problem) {
    return assertInstanceOf(Placed.class, new Optimizer(new GlopSolver()).place(problem))
        .placement();
  }

  private static double tokensPerSecond(Placement placement) {
    return placement.predicted().throughputTokensPerSecond();
  }

  /** The part of the model, by its own bytes, that is stored as the type. */
  private static double quantized(Placement placement, ElementType type) {
    double there =
        placement.weights().stream()
            .filter(r -> r.type() == type)
            .mapToDouble(
                r -> (double) r.layers().size() * r.rows().size() * OPT.rowBytes(r.weight(), 0))
            .sum();
    return there / OPT.matrixBytes();
  }
}
