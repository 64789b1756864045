package dev.stowage.cli.serve;

import java.time.Duration;

/**
 * What the server takes at most.
 *
 * @param bodyBytes of one request
 * @param waiting sequences that wait for a slot
 * @param time for one request, waiting included
 */
public record Limits(int bodyBytes, int waiting, Duration time) {
  public Limits {
    if (bodyBytes < 1 || waiting < 0 || !time.isPositive()) {
      throw new IllegalArgumentException("limits of " + bodyBytes + ", " + waiting + ", " + time);
    }
  }
}
