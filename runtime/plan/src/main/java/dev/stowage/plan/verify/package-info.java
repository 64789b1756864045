/**
 * Checks that a plan made of valid records holds together, and that a schedule is one of the plan's
 * legal ones: what the runtime takes for granted when it binds them. {@link
 * dev.stowage.plan.verify.PlanVerifier} lists the invariants, one class each; each yields {@link
 * dev.stowage.plan.verify.Violation}s. Plans come from files too, so no plan, however hostile, may
 * make a check throw or run away.
 */
package dev.stowage.plan.verify;
