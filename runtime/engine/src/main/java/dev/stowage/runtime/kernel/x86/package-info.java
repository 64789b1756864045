/**
 * Linear layers in machine code for x86-64 with AVX2, FMA and F16C, or with AVX-512 ({@link
 * dev.stowage.runtime.kernel.x86.Width}): {@link dev.stowage.runtime.kernel.x86.Assembler} writes
 * instructions, {@link dev.stowage.runtime.kernel.x86.MachineCode} makes them callable, and {@link
 * dev.stowage.runtime.kernel.x86.Products} turns the operands of a product into calls.
 *
 * <p>Weights of single numbers are multiplied in floats, quantized ones as integers:
 *
 * <pre>
 * F32, F16, BF16      {@link dev.stowage.runtime.kernel.x86.FloatProducts}  {@link dev.stowage.runtime.kernel.x86.Tile}
 * INT8, INT4, Q8_0,
 * Q4_0, Q4_K, Q6_K    {@link dev.stowage.runtime.kernel.x86.CodeProducts}   {@link dev.stowage.runtime.kernel.x86.Rounding}, then {@link dev.stowage.runtime.kernel.x86.CodeRows} or {@link dev.stowage.runtime.kernel.x86.CodeTile}
 * </pre>
 *
 * <p>Such code can do what no Java can, such as write where it should not. So all of its addresses
 * come from operands that were checked, its loops have counts that end, and it is tested for every
 * format against the definition.
 */
package dev.stowage.runtime.kernel.x86;
