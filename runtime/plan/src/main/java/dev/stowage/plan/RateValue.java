package dev.stowage.plan;

import java.util.Objects;

/** A rate in its unit of bytes, FLOP and seconds, with its origin. */
public record RateValue(double value, Origin origin) {
  public RateValue {
    Objects.requireNonNull(origin);
    if (!(value > 0) || Double.isInfinite(value)) {
      throw new IllegalArgumentException("a rate is positive and finite, not " + value);
    }
  }
}
