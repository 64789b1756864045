package dev.stowage.runtime.parallel;

/** What is done with threads in several places. */
public final class Threads {
  private Threads() {}

  /** Waits until a thread has ended, interrupted or not. */
  public static void join(Thread thread) {
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
