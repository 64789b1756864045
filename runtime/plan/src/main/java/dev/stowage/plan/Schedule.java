package dev.stowage.plan;

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

    /** A word of one's own. */
    record Word(List<Integer> microBatches) implements Order {
      public Word {
        microBatches = List.copyOf(microBatches);
      }
    }
  }

  /** The sweep's word, for a plan of so many stops and micro-batches. */
  public int[] word(int stops, int microBatches) {
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
      case Order.Word(var microBatchList) ->
          microBatchList.stream().mapToInt(Integer::intValue).toArray();
    };
  }
}
