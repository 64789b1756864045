package dev.stowage.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * A user's Ctrl-C: a command at work ends at its next token, prints its summary and gives its files
 * back; the process exits with 130.
 */
final class Interrupt {
  private static final long PATIENCE_SECONDS = 5;

  private final CountDownLatch asked = new CountDownLatch(1);
  private volatile boolean requested;
  private volatile long patienceSeconds = PATIENCE_SECONDS;
  private volatile CountDownLatch working = new CountDownLatch(0);

  /** Runs when the process is told to end, and at its ordinary end. */
  void watch() {
    Runtime.getRuntime().addShutdownHook(new Thread(this::request, "stowage-interrupt"));
  }

  /** Asks the work at hand to end, and waits a little for it. */
  void request() {
    requested = true;
    asked.countDown();
    try {
      working.await(patienceSeconds, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  boolean requested() {
    return requested;
  }

  /** Waits until it is requested, or so long; returns whether it was. */
  boolean await(long milliseconds) {
    try {
      return asked.await(milliseconds, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return true;
    }
  }

  /** Begins work that an interrupt waits for, for longer than for other work. */
  Work begin(long patience) {
    patienceSeconds = patience;
    return begin();
  }

  /** Begins work that an interrupt waits for. */
  Work begin() {
    var latch = new CountDownLatch(1);
    working = latch;
    return latch::countDown;
  }

  /** Work that ends when closed. */
  @FunctionalInterface
  interface Work extends AutoCloseable {
    @Override
    void close();
  }
}
