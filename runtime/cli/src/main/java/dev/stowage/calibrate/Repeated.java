package dev.stowage.calibrate;

import java.util.function.LongSupplier;

/** A unit of work, repeated until a clock can tell how long it takes. */
final class Repeated implements Piece {
  private static final int MOST = 1 << 20;

  private final String name;
  private final Runnable unit;
  private final double warmSeconds;
  private final double timedSeconds;
  private int times = 1;

  /**
   * @param warmSeconds for how long it runs before it is timed
   * @param timedSeconds for how long, about, it runs each time it is timed
   */
  Repeated(String name, Runnable unit, double warmSeconds, double timedSeconds) {
    this.name = name;
    this.unit = unit;
    this.warmSeconds = warmSeconds;
    this.timedSeconds = timedSeconds;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public void warmUp(LongSupplier nanos) {
    double spent = 0;
    double once = timedSeconds;
    while (spent < warmSeconds) {
      once = seconds(nanos);
      spent += Math.max(once * times, 1e-7);
      times = (int) Math.clamp(timedSeconds / Math.max(once, 1e-9), 1, MOST);
    }
  }

  @Override
  public double seconds(LongSupplier nanos) {
    unit.run(); // what another piece has driven out of the caches comes back
    long start = nanos.getAsLong();
    for (int i = 0; i < times; i++) {
      unit.run();
    }
    return (nanos.getAsLong() - start) * 1e-9 / times;
  }
}
