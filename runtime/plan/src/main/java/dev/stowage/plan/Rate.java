package dev.stowage.plan;

import java.util.Locale;
import java.util.Optional;

/**
 * What a device can do in a second, whatever the size of the work; see {@link RateCurve} for rates
 * that depend on it; and what it has of a memory that plans do not fill. The cost model knows no
 * other constants. All values are positive.
 */
public enum Rate {
  /** Bytes a second that compute on the device reads from its own memory. */
  MEMORY_BANDWIDTH("B/s", "memory-bandwidth"),
  /** Matrix-multiply FLOP/s with many activation rows (prefill). */
  PREFILL_COMPUTE("FLOP/s", "matmul-prefill"),
  /** Matrix-multiply FLOP/s with few activation rows (decode). */
  DECODE_COMPUTE("FLOP/s", "matmul-decode"),
  /** Key and value bytes a second that decode attention on the device reads. */
  ATTENTION("B/s", "attend-decode"),
  /** Sequential bytes a second read from storage; for a CSD, by its host. */
  READ("B/s", "read"),
  /** Sequential bytes a second written to storage. */
  WRITE("B/s", "write"),
  /** Bytes a second that a CSD's engine reads from its own flash, over all channels. */
  INTERNAL_READ("B/s"),
  /** Seconds before the first byte of one transfer or command. */
  LATENCY("s", "latency"),
  /** Seconds until pages of a CSD's flash are in their planes' registers. */
  READ_TIME("s", "read-time"),
  /** Seconds until pages of a CSD's flash are programmed. */
  PROGRAM_TIME("s", "program-time"),
  /** Activation bytes a second that norms, rotations, activations and sums go through. */
  ELEMENTWISE("B/s", "elementwise"),
  /** Seconds that a layer costs a pass, whatever the work in it. */
  PASS_LATENCY("s", "pass-latency"),
  /** Seconds that a matrix product takes beyond its curve, however small it is. */
  PRODUCT_LATENCY("s", "product-latency"),
  /** Seconds of its host's compute that a second of reading storage takes. */
  SLOWS_HOST("s/s", "slows-host"),
  /** Seconds of reading storage that a second of its host's compute takes. */
  SLOWED_BY_HOST("s/s", "slowed-by-host"),
  /** Bytes of a CSD's own memory, in which tokens gather until they fill flash pages. */
  DRAM("B", "dram");

  private final String unit;
  private final Optional<String> property;

  Rate(String unit) {
    this.unit = unit;
    this.property = Optional.empty();
  }

  Rate(String unit, String property) {
    this.unit = unit;
    this.property = Optional.of(property);
  }

  /** Whether it is a time that work takes, so that less of it is better. */
  public boolean latency() {
    return unit.startsWith("s");
  }

  public String unit() {
    return unit;
  }

  /** The property of the language that says it; empty where it follows from others. */
  public Optional<String> property() {
    return property;
  }

  /** The word of the plan's text, such as {@code memory-bandwidth}. */
  public String word() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
