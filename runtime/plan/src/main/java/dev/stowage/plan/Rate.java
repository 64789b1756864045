package dev.stowage.plan;

/**
 * What a device can do in a second; the cost model knows no other constants. All values are
 * positive.
 */
public enum Rate {
  /** Bytes a second that compute on the device reads from its own memory. */
  MEMORY_BANDWIDTH("B/s"),
  /** Matrix-multiply FLOP/s with many activation rows (prefill). */
  PREFILL_COMPUTE("FLOP/s"),
  /** Matrix-multiply FLOP/s with few activation rows (decode). */
  DECODE_COMPUTE("FLOP/s"),
  /** Key and value bytes a second that decode attention on the device reads. */
  ATTENTION("B/s"),
  /** Sequential bytes a second read from storage; for a CSD, by its host. */
  READ("B/s"),
  /** Sequential bytes a second written to storage. */
  WRITE("B/s"),
  /** Bytes a second that a CSD's engine reads from its own flash, over all channels. */
  INTERNAL_READ("B/s"),
  /** Seconds before the first byte of one transfer or command. */
  LATENCY("s");

  private final String unit;

  Rate(String unit) {
    this.unit = unit;
  }

  public String unit() {
    return unit;
  }

  /** The word of the plan's text, such as {@code memory-bandwidth}. */
  public String word() {
    return name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
  }
}
