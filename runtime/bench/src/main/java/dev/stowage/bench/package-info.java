/**
 * Benchmarks: turns the kernels and a machine into ratios of what the machine can do, by {@link
 * dev.stowage.bench.KernelBench}; a step into the time of its operations, by {@link
 * dev.stowage.bench.StepBenchmark}; and plans into how far predictions are from what they take, by
 * {@link dev.stowage.bench.PredictionBenchmark}. {@link dev.stowage.bench.PeerBenchmark} runs other
 * programs beside Stowage, each in a process of its own.
 *
 * <p>{@link dev.stowage.bench.Contest} takes the subjects of a comparison in turn, round after
 * round, in one process, and compares within each round. Machines that others use as well swing by
 * a factor of three from minute to minute; ratios taken within a second do not. A harness that runs
 * one benchmark after the other, as JMH does, would need a quiet machine for the same statement.
 */
package dev.stowage.bench;
