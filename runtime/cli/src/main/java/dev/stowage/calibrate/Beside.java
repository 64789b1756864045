package dev.stowage.calibrate;

import dev.stowage.runtime.parallel.Threads;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;

/** A piece that is timed while another one runs all the time, on a thread of its own. */
record Beside(String name, Piece piece, Piece other) implements Piece {
  @Override
  public void warmUp(LongSupplier nanos) {
    piece.warmUp(nanos);
    other.warmUp(nanos);
  }

  @Override
  public double seconds(LongSupplier nanos) {
    var stop = new AtomicBoolean();
    var failure = new AtomicReference<RuntimeException>();
    var running = new CountDownLatch(1);
    var thread =
        Thread.ofPlatform()
            .daemon()
            .name("stowage-beside")
            .start(
                () -> {
                  try {
                    do {
                      other.seconds(nanos);
                      running.countDown();
                    } while (!stop.get());
                  } catch (RuntimeException e) {
                    failure.set(e);
                  } finally {
                    running.countDown();
                  }
                });
    double seconds;
    try {
      running.await();
      seconds = piece.seconds(nanos);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CalibrationException("interrupted");
    } finally {
      stop.set(true);
      Threads.join(thread);
    }
    if (failure.get() != null) {
      throw failure.get();
    }
    return seconds;
  }
}
