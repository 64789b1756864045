/**
 * The GPU bundle: turns this build into one archive, and a machine with a GPU into a table of what
 * holds there.
 *
 * <p>{@code runtime/gpu-bundle/build-bundle [OUT.tar.gz]} makes the archive: a Java runtime, our
 * jars with their natives and kernels, compiled plans and small models. It needs neither network
 * nor Java where it is unpacked:
 *
 * <pre>
 * tar xzf stowage-gpu.tar.gz &amp;&amp; stowage-gpu/check-gpu [--placements 50] [--seed N] [--quick] [--out results.json]
 * </pre>
 *
 * runs every kernel against the scalar reference, models against their reference numbers, random
 * placements against the tokens of a host alone, budgets, and benchmarks beside what plain copies
 * and cuBLAS reach. Results are JSON, each with {@code passed} and its numbers; the exit code is 0
 * if all passed, 5 if one failed, 6 without a GPU that can be used. Benchmarks have floors, which
 * an emulated device is not held to.
 */
package dev.stowage.bundle;
