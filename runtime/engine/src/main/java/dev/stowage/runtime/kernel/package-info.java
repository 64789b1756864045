/**
 * The operations of a transformer's forward pass on host memory: {@link
 * dev.stowage.runtime.kernel.Kernels} turns segments of numbers into segments of numbers.
 *
 * <p>One flat contract, implemented twice with the same meaning: {@code kernel.reference} is
 * scalar, obvious and the definition; {@code kernel.vector} is the fast one, whose linear layers
 * are taken by {@code kernel.x86} where a machine runs its code. {@link
 * dev.stowage.runtime.kernel.KernelSelection} chooses between them in one place and says why.
 *
 * <h2>Memory</h2>
 *
 * <p>Every operand is a little-endian {@link java.lang.foreign.MemorySegment} and a byte offset
 * into it; no operand needs more alignment than a byte, so weights are used where they lie in a
 * mapped file. Activations are F32 segments too, not {@code float[]}: the engine counts and places
 * their bytes like all others, and a device can copy from them. The one place where heap arrays are
 * markedly faster on the JVM (the register-tiled product; a tile read from arrays reached 0.8 of
 * the FMA peak, from segments 0.4 to 0.56) copies a block of activation rows, and the widened
 * weight rows, into arrays of its own first; that copy is a factor of the row width cheaper than
 * the product.
 *
 * <h2>Invariance</h2>
 *
 * <p>Within one implementation on one machine, the bits of a result depend on the operands of that
 * result alone: not on how many rows share the call, how the weights are cut into row ranges, or
 * how many threads work. A plan may therefore batch, split and move work without changing a token.
 */
package dev.stowage.runtime.kernel;
