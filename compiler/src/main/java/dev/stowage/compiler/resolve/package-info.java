/**
 * Turns a tree of the language into a {@link dev.stowage.compiler.resolve.Resolved} problem: names
 * bound, units gone, variants and parameters applied, every default filled in. The only package of
 * the compiler that touches EMF; what leaves it knows its source spans, and no tree.
 *
 * <p>What the language can say and Stowage does not carry out yet is an error here ({@code SW7xx}),
 * or, for a plan without weights, which nobody can run, a warning that says what the prediction
 * leaves out.
 */
package dev.stowage.compiler.resolve;
