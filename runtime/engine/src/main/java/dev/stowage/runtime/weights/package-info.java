/**
 * Turns a model folder's files into bytes where a plan wants them: rows of matrices as stored, by
 * positional reads straight into their place, and vectors widened to F32.
 *
 * <p>A read is bound once ({@link dev.stowage.runtime.weights.ModelFiles#bind}) and repeated
 * without allocation.
 */
package dev.stowage.runtime.weights;
