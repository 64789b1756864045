package dev.stowage.calibrate;

import java.util.List;
import java.util.function.LongSupplier;

/** Several pieces as one: their geometric mean, so that each counts alike. */
record Composite(String name, List<? extends Piece> parts) implements Piece {
  @Override
  public void warmUp(LongSupplier nanos) {
    parts.forEach(part -> part.warmUp(nanos));
  }

  @Override
  public double seconds(LongSupplier nanos) {
    double logarithms = 0;
    for (var part : parts) {
      logarithms += Math.log(part.seconds(nanos));
    }
    return Math.exp(logarithms / parts.size());
  }
}
