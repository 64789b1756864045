/**
 * The vocabulary every stage shares, and the hand-over between the machine that compiles and the
 * machine that executes.
 *
 * <p>{@link dev.stowage.plan.ModelShape} says what is computed, {@link dev.stowage.plan.Machine}
 * what it runs on, {@link dev.stowage.plan.ExecutablePlan} <em>what</em> happens (where every
 * weight row and every cached key and value lies, which buffers there are, which steps one pass
 * takes), and {@link dev.stowage.plan.Schedule} <em>how</em>: lanes, order, prefetch. Any legal
 * schedule of one plan yields the same tokens.
 *
 * <p>One forward pass of one micro-batch walks the plan's {@linkplain dev.stowage.plan.Section
 * sections} in order, a section of layers once for every layer. A <em>sweep</em> takes every
 * micro-batch of the block through all sections; each running sequence contributes its next tokens
 * to it (a chunk of its prompt, or the one token it generated last), so prompts and outputs of
 * different lengths need no padding.
 *
 * <p>All values are immutable and valid once constructed; a plan as a whole is checked by the
 * verifier.
 */
package dev.stowage.plan;
