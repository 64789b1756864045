package dev.stowage.plan.verify;

import dev.stowage.plan.ExecutablePlan;
import java.util.List;

/** Says what of a plan does not hold together. */
public final class PlanVerifier {
  /** What the other invariants rest on; if one of these is broken, the others are not asked. */
  private static final List<Invariant> FOUNDATIONS =
      List.of(new SizesAreBounded(), new NamesResolve());

  private static final List<Invariant> INVARIANTS =
      List.of(
          new WithinPositions(),
          new WeightsCoverModel(),
          new KvFillsCache(),
          new LayersInOrder(),
          new StagesInOrder(),
          new ProductsPartition(),
          new WeightsAtHand(),
          new AttentionOnce(),
          new OperandsFit(),
          new WrittenBeforeRead(),
          new WaitingHasRoom(),
          new BuffersSuffice(),
          new WithinCapacity());

  private PlanVerifier() {}

  /** The invariants the plan breaks; none if it can run on the machine it names. */
  public static List<Violation> verify(ExecutablePlan plan) {
    var index = new PlanIndex(plan);
    var findings = new Findings();
    check(FOUNDATIONS, index, findings);
    if (findings.isEmpty()) {
      check(INVARIANTS, index, findings);
    }
    return findings.violations();
  }

  private static void check(List<Invariant> invariants, PlanIndex index, Findings findings) {
    for (var invariant : invariants) {
      try {
        invariant.check(index, findings);
      } catch (ArithmeticException e) {
        findings.add("plan", "its sizes do not fit 64 bits (%s)", e.getMessage());
      }
    }
  }
}
