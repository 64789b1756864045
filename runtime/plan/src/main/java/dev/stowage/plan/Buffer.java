package dev.stowage.plan;

import java.util.Objects;
import java.util.regex.Pattern;

/**
 * Memory that a plan sets aside before its first token.
 *
 * @param name unique in its plan
 * @param device where it lies
 * @param bytes of one instance
 * @param instances how many there are: micro-batches of an activation that outlives a pass, slots
 *     of a ring
 */
public record Buffer(String name, String device, Purpose purpose, long bytes, int instances) {
  /** What a buffer's bytes are counted as. */
  public enum Purpose {
    WEIGHTS,
    KV,
    ACTIVATIONS,
    WORKING;

    public String word() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_.-]*");

  public Buffer {
    Objects.requireNonNull(device);
    Objects.requireNonNull(purpose);
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException("not a buffer's name: '" + name + "'");
    }
    if (bytes < 0 || instances < 1) {
      throw new IllegalArgumentException(
          "buffer %s: %d × %d bytes".formatted(name, instances, bytes));
    }
    Math.multiplyExact(bytes, (long) instances);
  }

  public long totalBytes() {
    return bytes * instances;
  }
}
