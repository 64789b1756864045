/**
 * Executes a compiled plan on a virtual clock: from an {@link dev.stowage.plan.ExecutablePlan}, its
 * {@link dev.stowage.plan.Schedule} and the rates of its machine to a {@link
 * dev.stowage.compiler.simulate.Timeline}. Walks the same steps in the same order as the executor,
 * and prices each by the formulas of {@code dev.stowage.optimizer.cost}, so that the sums agree
 * with the prediction and what is above it is waiting, which the timeline names.
 *
 * <p>Everything here is simulation. Its numbers are as good as the machine's rates.
 */
package dev.stowage.compiler.simulate;
