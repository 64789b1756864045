package dev.stowage.plan.verify;

/** Something that is so in every plan that can run. */
@FunctionalInterface
interface Invariant {
  /** Reports where it is not so. */
  void check(PlanIndex plan, Findings findings);
}
