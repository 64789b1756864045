package dev.stowage.cli;

import dev.stowage.plan.ExecutablePlan;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Metrics;
import dev.stowage.runtime.session.Recording;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/**
 * Rates of full blocks: every slot of the plan has a prompt of the plan's length, of ids drawn with
 * a fixed seed, and generates as many tokens as the plan says. Where requests begin one after
 * another, of a steady stream of such requests, block by block.
 *
 * @param prefill prompt tokens a second, one number a repetition; empty of a stream, whose sweeps
 *     do both
 * @param decode tokens a second of sweeps without prompts; empty of a stream, and where the plan
 *     generates but one
 * @param throughput generated tokens over the whole time
 * @param seconds the whole time of the measured blocks
 * @param lanes how long every lane worked in it
 * @param held what the KV cache held, where some of it is not there whole
 */
record Benchmark(
    List<Double> prefill,
    List<Double> decode,
    List<Double> throughput,
    double seconds,
    List<Recording.Lane> lanes,
    Optional<Metrics.HeldKv> held) {
  private static final long SEED = 1;

  /**
   * Runs blocks, and measures those after the warm-up.
   *
   * @param spans whether to record single pieces of work too
   * @throws Failure if it is interrupted
   */
  static Benchmark run(
      ExecutablePlan plan,
      Session session,
      int warmUp,
      int repetitions,
      boolean spans,
      Interrupt interrupt) {
    var block = block(plan);
    if (plan.batch().staggered()) {
      return new SteadyStream(session, block, warmUp, repetitions, spans, interrupt).measure();
    }
    var prefill = new ArrayList<Double>();
    var decode = new ArrayList<Double>();
    var throughput = new ArrayList<Double>();
    double seconds = 0;
    for (int i = 0; i < warmUp + repetitions; i++) {
      if (i == warmUp) {
        session.record(spans);
      }
      var before = session.metrics();
      session.generate(block, (_, _) -> !interrupt.requested());
      if (interrupt.requested()) {
        throw new Failure(Exit.INTERRUPTED);
      }
      if (i >= warmUp) {
        var after = session.metrics();
        double prefillSeconds = after.prefillSeconds() - before.prefillSeconds();
        double decodeSeconds = after.decodeSeconds() - before.decodeSeconds();
        prefill.add((after.promptTokens() - before.promptTokens()) / prefillSeconds);
        if (after.decodeTokens() > before.decodeTokens()) {
          decode.add((after.decodeTokens() - before.decodeTokens()) / decodeSeconds);
        }
        throughput.add(generated(before, after) / (prefillSeconds + decodeSeconds));
        seconds += prefillSeconds + decodeSeconds;
      }
    }
    return new Benchmark(
        prefill,
        decode,
        throughput,
        seconds,
        session.recording().lanes(),
        session.metrics().held());
  }

  private static long generated(Metrics before, Metrics after) {
    return after.generatedTokens() - before.generatedTokens();
  }

  private static List<Request> block(ExecutablePlan plan) {
    var random = new Random(SEED);
    var batch = plan.batch();
    int vocabulary = plan.shape().vocabulary();
    int generate = Math.max(1, batch.generateTokens());
    return Stream.generate(
            () -> {
              var ids = new int[Math.max(1, batch.promptTokens())];
              Arrays.setAll(ids, i -> random.nextInt(vocabulary));
              return new Request(ids, generate, Set.of(), Sampling.GREEDY);
            })
        .limit(batch.sequences())
        .toList();
  }

  /** Seconds that a lane worked. */
  static double busy(Recording.Lane lane) {
    return lane.prefillBusySeconds() + lane.decodeBusySeconds();
  }

  /**
   * The time over that of the busiest lane of each phase: 1 where all others work beside it. Phases
   * follow each other, so a lane that prefill waits for is not held against one that decode does.
   */
  double overLargestLane() {
    double prefill = largest(Recording.Lane::prefillBusySeconds);
    double decode = largest(Recording.Lane::decodeBusySeconds);
    return lanes.isEmpty() ? 1 : seconds / (prefill + decode);
  }

  private double largest(ToDoubleFunction<Recording.Lane> busySeconds) {
    return lanes.stream().mapToDouble(busySeconds).max().orElse(0);
  }

  static double mean(List<Double> numbers) {
    return numbers.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
  }

  /** The standard deviation of the sample: over n − 1; 0 of one number. */
  static double deviation(List<Double> numbers) {
    double mean = mean(numbers);
    double squares = numbers.stream().mapToDouble(x -> (x - mean) * (x - mean)).sum();
    return numbers.size() < 2 ? 0 : Math.sqrt(squares / (numbers.size() - 1));
  }
}
