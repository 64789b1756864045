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
 * placements and sparse attention against the tokens of a host alone, on one GPU and cut over
 * several where there are, budgets, and benchmarks: copies beside plain ones of page-locked memory,
 * products beside cuBLAS, attention of decode and weights that are streamed beside what memory and
 * link deliver, attention of prompts, and a whole model three times as large as the GPU memory it
 * may take, made there of random weights, beside the link's bound.
 *
 * <p>{@code --flexgen FOLDER}, a checkout of FlexGen, also runs FlexGen's benchmark under the same
 * cap of GPU memory where python3 has PyTorch, with models of the shapes of OPT-6.7B and OPT-13B;
 * {@code --sanitize} also runs the kernels under each tool of compute-sanitizer; {@code --kernels}
 * runs them alone. What cannot run there is {@code skipped} with its reason.
 *
 * <p>Results are JSON, each with {@code passed} and its numbers; the exit code is 0 if all passed,
 * 5 if one failed, 6 without a GPU that can be used. Benchmarks have floors, which an emulated
 * device is not held to.
 */
package dev.stowage.bundle;
