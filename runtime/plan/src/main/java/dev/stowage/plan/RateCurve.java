package dev.stowage.plan;

import java.util.Collections;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.LongPredicate;

/**
 * A rate that depends on the size of a piece of work, known at some sizes.
 *
 * @param type how the numbers that the work reads are stored, where that matters
 * @param points the rate at each size; at least one
 */
public record RateCurve(
    Measure measure, Optional<ElementType> type, SortedMap<Long, RateValue> points) {
  /** What is done, and what its size counts. */
  public enum Measure {
    /** Matrix products, by rows of activations; the matrix comes from memory. FLOP/s. */
    MATMUL("FLOP/s", "rows", true),
    /** Matrix products, by rows of activations; the matrix lies in a processor's caches. FLOP/s. */
    MATMUL_CACHED("FLOP/s", "rows", true),
    /** The same, of a matrix of 256 columns where others have 1024. FLOP/s. */
    MATMUL_SMALL("FLOP/s", "rows", true),
    /** Products of four rows, by the bytes of the matrices that take turns. FLOP/s. */
    SWEEP("FLOP/s", "bytes", true),
    /** Attention of one query row, by the tokens that it reads. FLOP/s. */
    ATTEND("FLOP/s", "tokens", true),
    /** The same, where eight query heads share each head of keys and values. FLOP/s. */
    ATTEND_GROUPED("FLOP/s", "tokens", true),
    /** Attention of many query rows of a sequence, by the tokens that one reads. FLOP/s. */
    ATTEND_PROMPT("FLOP/s", "tokens", true),
    /** Reads of storage, by the bytes of one. */
    READ("B/s", "bytes", false),
    /** Reads of a file that the page cache holds, by the bytes of one; one at a time. */
    READ_CACHED("B/s", "bytes", false),
    /** Writes to storage, by the bytes of one. */
    WRITE("B/s", "bytes", false),
    /** Writes to the page cache, by the bytes of one; one at a time. */
    WRITE_CACHED("B/s", "bytes", false);

    private final String unit;
    private final String size;
    private final boolean typed;

    Measure(String unit, String size, boolean typed) {
      this.unit = unit;
      this.size = size;
      this.typed = typed;
    }

    public String unit() {
      return unit;
    }

    /** What sizes count, such as {@code rows}. */
    public String size() {
      return size;
    }

    /** Whether there is a curve for each type of numbers. */
    public boolean typed() {
      return typed;
    }

    /** The word of the plan's text, such as {@code matmul-cached}. */
    public String word() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  public RateCurve {
    Objects.requireNonNull(measure);
    var copy = new TreeMap<Long, RateValue>(points);
    if (copy.isEmpty() || copy.firstKey() < 1) {
      throw new IllegalArgumentException(
          "a curve of %s has points at sizes from 1 on, not at %s"
              .formatted(measure.word(), copy.keySet()));
    }
    if (type.isPresent() != measure.typed()) {
      throw new IllegalArgumentException(
          measure.word() + (measure.typed() ? " has a type of numbers" : " has no type"));
    }
    points = Collections.unmodifiableSortedMap(copy);
  }

  /**
   * The rate at a size: between two points a power of the size, as is usual of rates that saturate;
   * beyond the first and the last, theirs.
   */
  public double at(double size) {
    long below = points.firstKey();
    long above = points.lastKey();
    if (!(size > below)) {
      return points.get(below).value();
    }
    if (size >= above) {
      return points.get(above).value();
    }
    for (long point : points.keySet()) {
      if (point <= size) {
        below = point;
      } else {
        above = point;
        break;
      }
    }
    double part = Math.log(size / below) / Math.log((double) above / below);
    double low = Math.log(points.get(below).value());
    double high = Math.log(points.get(above).value());
    return Math.exp(low + (high - low) * part);
  }

  /** The highest rate of any size. */
  public double highest() {
    return points.values().stream().mapToDouble(RateValue::value).max().orElseThrow();
  }

  /** The same curve, with the rates at some sizes times a factor. */
  public RateCurve times(LongPredicate sizes, double factor) {
    var scaled = new TreeMap<>(points);
    scaled.replaceAll(
        (size, rate) ->
            sizes.test(size) ? new RateValue(rate.value() * factor, rate.origin()) : rate);
    return new RateCurve(measure, type, scaled);
  }
}
