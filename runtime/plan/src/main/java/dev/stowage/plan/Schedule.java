package dev.stowage.plan;

import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * How a plan runs: in what order micro-batches take their stops, how far weight loads run ahead,
 * which devices work beside the compute lane, how many tokens drives gather before they program
 * them, and what of the host's memory is page-locked. Never changes tokens.
 *
 * @param order the walk of one sweep
 * @param prefetch stops whose weights may be loaded ahead of the one that computes; 0 loads in
 *     place
 * @param lanes devices whose attention and KV writes run on a lane of their own, beside the compute
 *     lane; the others run in line
 * @param writeBack for computational drives: tokens of a sequence that gather in the drive's DRAM
 *     before they are programmed, 1 or more; the drive takes as many whole token groups of its
 *     pages as they fill, at least one. A drive that is not named takes one group
 * @param pageable what lies in host memory that is not page-locked though a gpu copies from it, of
 *     {@link Buffer.Purpose#WEIGHTS} and {@link Buffer.Purpose#KV}; everything else that it copies
 *     is, if the system allows it: what comes from disks too, which passes through rings and
 *     staging
 */
public record Schedule(
    Order order,
    int prefetch,
    List<String> lanes,
    Map<String, Integer> writeBack,
    Set<Buffer.Purpose> pageable) {
  /** What an author may leave pageable. */
  public static final Set<Buffer.Purpose> LOCKABLE =
      Collections.unmodifiableSet(EnumSet.of(Buffer.Purpose.WEIGHTS, Buffer.Purpose.KV));

  public Schedule {
    Objects.requireNonNull(order);
    if (prefetch < 0) {
      throw new IllegalArgumentException("a prefetch of " + prefetch + " stops");
    }
    lanes = List.copyOf(lanes);
    writeBack = Collections.unmodifiableMap(new TreeMap<>(writeBack));
    writeBack.forEach(
        (device, tokens) -> {
          if (tokens < 1) {
            throw new IllegalArgumentException(
                "a write-back of %s every %d tokens".formatted(device, tokens));
          }
        });
    pageable = Collections.unmodifiableSet(new TreeSet<>(pageable));
    if (!LOCKABLE.containsAll(pageable)) {
      throw new IllegalArgumentException("pageable " + pageable);
    }
  }

  /** A schedule in which everything that a gpu copies is page-locked. */
  public Schedule(Order order, int prefetch, List<String> lanes, Map<String, Integer> writeBack) {
    this(order, prefetch, lanes, writeBack, Set.of());
  }

  /** A schedule in which every drive programs tokens by the group. */
  public Schedule(Order order, int prefetch, List<String> lanes) {
    this(order, prefetch, lanes, Map.of());
  }

  /**
   * The order in which micro-batches advance. A sweep is a word over micro-batches in which each
   * occurs {@link ExecutablePlan#stops()} times: its n-th occurrence takes it to its n-th stop.
   * Every such word is legal.
   */
  public sealed interface Order {
    /**
     * All micro-batches at one stop before any at the next (FlexGen's zig-zag block schedule):
     * weights are loaded once a sweep.
     */
    record ZigZag() implements Order {}

    /**
     * One micro-batch through all stops before the next begins: least activation memory, weights
     * loaded once a micro-batch.
     */
    record RowByRow() implements Order {}

    /**
     * Stages work side by side: while one computes a micro-batch, the stage before it computes the
     * next one, so that weights are loaded once a micro-batch. Their stops take turns, since one
     * thread starts the work of all.
     *
     * <pre>
     *   stage 0   0  1  2
     *   stage 1      0  1  2
     * </pre>
     */
    record Pipeline() implements Order {}

    /** A word of one's own. */
    record Word(List<Integer> microBatches) implements Order {
      public Word {
        microBatches = List.copyOf(microBatches);
      }
    }
  }

  /**
   * The sweep's word.
   *
   * @param stages of every stop, the number of its stage: see {@link ExecutablePlan#stagesOfStops}
   */
  public int[] word(int[] stages, int microBatches) {
    int stops = stages.length;
    return switch (order) {
      case Order.ZigZag() -> {
        var word = new int[Math.multiplyExact(stops, microBatches)];
        for (int i = 0; i < word.length; i++) {
          word[i] = i % microBatches;
        }
        yield word;
      }
      case Order.RowByRow() -> {
        var word = new int[Math.multiplyExact(stops, microBatches)];
        for (int i = 0; i < word.length; i++) {
          word[i] = i / stops;
        }
        yield word;
      }
      case Order.Pipeline() -> pipeline(stages, microBatches);
      case Order.Word(var microBatchList) ->
          microBatchList.stream().mapToInt(Integer::intValue).toArray();
    };
  }

  private static int[] pipeline(int[] stages, int microBatches) {
    var lengths = new int[stages.length == 0 ? 0 : stages[stages.length - 1] + 1];
    for (int stage : stages) {
      lengths[stage]++;
    }
    int longest = Arrays.stream(lengths).max().orElse(0);
    var word = new int[Math.multiplyExact(stages.length, microBatches)];
    int at = 0;
    for (int step = 0; step < microBatches + lengths.length - 1; step++) {
      for (int turn = 0; turn < longest; turn++) {
        for (int stage = 0; stage < lengths.length; stage++) {
          int microBatch = step - stage;
          if (turn < lengths[stage] && microBatch >= 0 && microBatch < microBatches) {
            word[at++] = microBatch;
          }
        }
      }
    }
    return word;
  }
}
