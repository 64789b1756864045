package dev.stowage.calibrate;

import java.util.function.LongSupplier;

/** Something that can be timed again and again. */
interface Piece {
  /** Unique among what is timed together. */
  String name();

  /** Runs often enough to be compiled, and to know how often it must run to be timed. */
  void warmUp(LongSupplier nanos);

  /** Runs once more; the seconds that a unit of it took. */
  double seconds(LongSupplier nanos);
}
