package dev.stowage.runtime.session;

import java.util.concurrent.locks.LockSupport;

/**
 * A device's own thread: runs commands one after the other, beside the compute lane. Tickets count
 * submissions, and waiting for one is the only ordering between lanes.
 */
final class Lane implements AutoCloseable {
  private static final int CAPACITY = 256;
  private static final int SPINS = 200;

  private final Command[] commands = new Command[CAPACITY];
  private final Pass[] passes = new Pass[CAPACITY];
  private final Thread thread;
  private volatile long submitted;
  private volatile long done;
  private volatile Thread waiting;
  private volatile Throwable failure;
  private volatile boolean closed;

  Lane(String device) {
    thread = Thread.ofPlatform().daemon().name("stowage-" + device).unstarted(this::work);
    thread.start();
  }

  /** Queues a command; returns its ticket. Called by the compute lane only. */
  long submit(Command command, Pass pass) {
    long ticket = submitted + 1;
    if (ticket - done > CAPACITY) {
      await(ticket - CAPACITY);
    }
    int index = (int) (ticket % CAPACITY);
    commands[index] = command;
    passes[index] = pass;
    submitted = ticket;
    LockSupport.unpark(thread);
    return ticket;
  }

  /**
   * Waits until the command of that ticket, and all before it, have run; throws what the first
   * failing one threw.
   */
  void await(long ticket) {
    int spins = 0;
    while (done < ticket) {
      if (failure != null) {
        throw Failures.unchecked(failure);
      }
      if (++spins < SPINS) {
        Thread.onSpinWait();
      } else {
        waiting = Thread.currentThread();
        if (done < ticket && failure == null) {
          LockSupport.park(this);
        }
        waiting = null;
      }
    }
  }

  /** Waits until everything submitted has run. */
  void drain() {
    await(submitted);
  }

  private void work() {
    try {
      while (true) {
        int spins = 0;
        while (done == submitted) {
          if (closed) {
            return;
          }
          if (++spins < SPINS) {
            Thread.onSpinWait();
          } else {
            LockSupport.park(this);
          }
        }
        int index = (int) ((done + 1) % CAPACITY);
        commands[index].run(passes[index]);
        done++;
        LockSupport.unpark(waiting);
      }
    } catch (Throwable e) {
      failure = e;
      LockSupport.unpark(waiting);
    }
  }

  @Override
  public void close() {
    closed = true;
    Failures.end(thread);
  }
}
