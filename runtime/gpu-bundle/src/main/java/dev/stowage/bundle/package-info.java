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
 * placements and sparse attention against the tokens of a host alone, budgets, and benchmarks:
 * copies beside plain ones of page-locked memory, products beside cuBLAS, attention of decode and
 * weights that are streamed beside what memory and link deliver, attention of prompts. Results are
 * JSON, each with {@code passed} and its numbers; the exit code is 0 if all passed, 5 if one
 * failed, 6 without a GPU that can be used. Benchmarks have floors, which an emulated device is not
 * held to.
 *
 * <p>Weights are streamed as matrices of a layer's size through two slots, not as a whole model's
 * files, which the archive has no room for. Other systems are not run beside Stowage: a comparison
 * with FlexGen needs PyTorch and FlexGen itself.
 */
package dev.stowage.bundle;
