package dev.stowage.runtime.session;

import dev.stowage.runtime.parallel.Threads;
import java.util.concurrent.locks.LockSupport;

/** How lanes fail and end. */
final class Failures {
  private Failures() {}

  /** What a lane's thread threw, to be thrown again by whoever waits for it. */
  static RuntimeException unchecked(Throwable failure) {
    return switch (failure) {
      case RuntimeException e -> e;
      case Error e -> throw e;
      case Throwable e -> new IllegalStateException(e);
    };
  }

  /** Wakes a thread that has been told to end, and waits until it has, interrupted or not. */
  static void end(Thread thread) {
    LockSupport.unpark(thread);
    Threads.join(thread);
  }
}
