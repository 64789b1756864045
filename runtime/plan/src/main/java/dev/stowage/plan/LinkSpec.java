package dev.stowage.plan;

/**
 * A one-way path between two devices.
 *
 * @param bytesPerSecond its rate
 * @param latencySeconds before the first byte of a transfer; 0 or more
 */
public record LinkSpec(
    String from, String to, double bytesPerSecond, double latencySeconds, Origin origin) {
  public LinkSpec {
    if (!(bytesPerSecond > 0) || !(latencySeconds >= 0)) {
      throw new IllegalArgumentException(
          "link %s -> %s: rate %s B/s, latency %s s"
              .formatted(from, to, bytesPerSecond, latencySeconds));
    }
  }
}
