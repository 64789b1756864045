/**
 * The GPU: turns the engine's operations into launches of kernels on an NVIDIA GPU's own memory.
 *
 * <p>{@link dev.stowage.gpu.Detection} says what this machine has, without ever failing; the
 * classes of JCuda's driver API are loaded only after it has found a GPU. The kernels are CUDA C++
 * ({@code src/main/cuda}), compiled to a fat binary that is a resource of this package, so that
 * nothing but the driver is needed to run them.
 */
package dev.stowage.gpu;
