package dev.stowage.optimizer;

import dev.stowage.optimizer.Objective.Goal;
import dev.stowage.plan.Asked;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Prediction;
import dev.stowage.plan.Stages;
import dev.stowage.plan.WeightRegion;
import java.util.List;
import java.util.Objects;

/**
 * The optimizer's answer in whole rows, heads, tokens and sequences. Capacities hold for it with
 * the exact bytes of {@code MemoryUse}.
 *
 * @param stages the devices of the matrix products
 * @param kvType how keys and values are stored
 * @param prefetch stops whose weights are loaded ahead
 * @param weights disjoint regions that cover every row of every matrix
 * @param kv disjoint regions that fill the KV cache's box
 * @param activations where the hidden states of the micro-batches wait; counts sum to the batch's
 *     micro-batches
 * @param shares what was asked, planned and realised
 * @param predicted the cost model's expectation of these regions
 * @param busy seconds of every resource in each phase, for one block; resources without work are
 *     left out
 * @param prices what the binding rows cost at this batch shape; none where the first goal is not
 *     about time, for then they have no price in seconds
 * @param boundSeconds what no division of weights, KV and activations into fractions goes below at
 *     this batch shape; without preferences and with time as the first goal, the rounded block's
 *     seconds are compared with it
 * @param candidates every batch shape that was solved and fits, the best first; the one taken is
 *     among them
 * @param solved linear programs solved on the way
 */
public record Placement(
    BatchShape batch,
    Stages stages,
    ElementType kvType,
    int prefetch,
    List<WeightRegion> weights,
    List<KvRegion> kv,
    List<WaitingHidden> activations,
    List<Asked> shares,
    Prediction predicted,
    List<Busy> busy,
    List<Price> prices,
    double boundSeconds,
    List<Candidate> candidates,
    int solved) {
  public Placement {
    Objects.requireNonNull(batch);
    Objects.requireNonNull(stages);
    Objects.requireNonNull(kvType);
    weights = List.copyOf(weights);
    kv = List.copyOf(kv);
    activations = List.copyOf(activations);
    shares = List.copyOf(shares);
    Objects.requireNonNull(predicted);
    busy = List.copyOf(busy);
    prices = List.copyOf(prices);
    candidates = List.copyOf(candidates);
  }

  /**
   * A batch shape that was looked at.
   *
   * @param blockSeconds before rounding, at the optimum of the first goal
   */
  public record Candidate(BatchShape batch, ElementType kvType, int prefetch, double blockSeconds) {
    /** Generated tokens over the block's time. */
    public double throughputTokensPerSecond() {
      return blockSeconds > 0
          ? (double) batch.sequences() * batch.generateTokens() / blockSeconds
          : 0;
    }
  }

  /** How good the answer is by the first goal: smaller is better, comparable for one plan. */
  public double score(Objective objective) {
    return switch (objective.first()) {
      case Goal.MaximizeThroughput _ -> -predicted.throughputTokensPerSecond();
      case Goal.MaximizePhaseThroughput(var phase) ->
          switch (phase) {
            case PREFILL -> -predicted.prefillTokensPerSecond();
            case DECODE -> -predicted.decodeTokensPerSecond();
          };
      case Goal.MinimizeLatency _ -> predicted.prefillSeconds() + predicted.decodeSeconds();
      case Goal.MinimizePhaseLatency(var phase) ->
          switch (phase) {
            case PREFILL -> predicted.prefillSeconds();
            case DECODE -> predicted.decodeSeconds();
          };
      case Goal.Share(var thing, var devices, boolean maximize) -> {
        double share =
            shares.stream()
                .filter(s -> s.what().equals(thing.word()) && devices.contains(s.device()))
                .mapToDouble(Asked::realised)
                .sum();
        yield maximize ? -share : share;
      }
      case Goal.MinimizePeak(var device) ->
          shares.stream().filter(s -> s.device().equals(device)).mapToDouble(Asked::bytes).sum();
    };
  }

  /** Hidden states of so many micro-batches wait on the device. */
  public record WaitingHidden(String device, int microBatches) {}

  /**
   * @param resource in the user's words, such as {@code read(ssd)} or {@code compute(ram)}
   */
  public record Busy(Phase phase, String resource, double seconds) {}

  /**
   * The raw dual of a row that binds the linear program: how the block's seconds change for one
   * more unit. Local, one-sided where the program is degenerate, and for this batch shape only.
   *
   * @param row such as {@code memory(ram)}
   * @param secondsPerUnit negative where more of it makes the block faster
   * @param unit {@code GiB}, {@code share} or {@code s}
   * @param sources the statements behind the row; empty for what the machine itself limits
   */
  public record Price(String row, double secondsPerUnit, String unit, List<Source> sources) {
    public Price {
      sources = List.copyOf(sources);
    }
  }
}
