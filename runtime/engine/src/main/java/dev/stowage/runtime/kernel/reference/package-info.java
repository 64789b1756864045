/**
 * The scalar definition of every operation of {@link dev.stowage.runtime.kernel.Kernels}: turns its
 * formulas into plain loops that other implementations are compared with.
 */
package dev.stowage.runtime.kernel.reference;
