package dev.stowage.runtime.parallel;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * A fixed set of threads which share the pieces of one task at a time; the calling thread is one of
 * them. {@link #run} returns when every piece is done, and allocates nothing.
 *
 * <p>Pieces are claimed one by one, so a thread that the operating system keeps waiting holds up
 * nothing: only pieces already begun are waited for.
 *
 * <pre>{@code
 * claims     [ epoch : 32 | indices not yet claimed : 32 ]   one compare-and-set claims a piece
 * unfinished [ indices not yet done in this epoch ]          zero: the task is complete
 * }</pre>
 */
public final class WorkerPool implements AutoCloseable {

  /** Work over a range of indices; made once, run often. */
  public interface Task {
    /**
     * Does the indices {@code [from, to)}.
     *
     * @param worker number of the thread, below {@link WorkerPool#threads}, to pick its own scratch
     */
    void run(int worker, int from, int to);
  }

  /** About 20 to 50 microseconds: longer than the gap between two operations of a layer. */
  private static final int SPINS = 1024;

  private final Worker[] workers;
  private final AtomicBoolean busy = new AtomicBoolean();
  private final AtomicLong claims = new AtomicLong();
  private final AtomicInteger unfinished = new AtomicInteger();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();

  // The task of the current epoch. Written while no index is unclaimed, so that whoever claims one
  // has read these fields as the epoch's caller left them.
  private Task task;
  private int size;
  private int grain;
  private Thread caller;

  private volatile boolean callerParked;
  private volatile boolean closed;

  /** A pool of {@code threads} threads, the caller of {@link #run} among them. */
  public WorkerPool(int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException("a pool of " + threads + " threads");
    }
    workers = new Worker[threads - 1];
    for (int i = 0; i < workers.length; i++) {
      workers[i] = new Worker(i + 1);
    }
    for (Worker worker : workers) {
      worker.start();
    }
  }

  /** How many threads share the work, the caller included. */
  public int threads() {
    return workers.length + 1;
  }

  /**
   * Runs the task over {@code [0, size)} in pieces of at most {@code grain} indices and returns
   * when all are done. A size of at most one grain runs on the calling thread alone.
   *
   * @throws IllegalStateException when the pool is closed or already running a task
   */
  public void run(Task task, int size, int grain) {
    if (size < 0 || grain < 1) {
      throw new IllegalArgumentException("task of size " + size + " in grains of " + grain);
    }
    if (!busy.compareAndSet(false, true)) {
      throw new IllegalStateException("the worker pool is already running a task");
    }
    try {
      if (closed) {
        throw new IllegalStateException("the worker pool is closed");
      }
      if (size <= grain || workers.length == 0) {
        for (int from = 0; from < size; from += Math.min(grain, size - from)) {
          task.run(0, from, from + Math.min(grain, size - from));
        }
      } else {
        share(task, size, grain);
      }
    } finally {
      busy.set(false);
    }
  }

  private void share(Task task, int size, int grain) {
    this.task = task;
    this.size = size;
    this.grain = grain;
    caller = Thread.currentThread();
    unfinished.set(size);
    claims.set((claims.get() >>> 32) + 1 << 32 | size);
    for (Worker worker : workers) {
      if (worker.parked) {
        LockSupport.unpark(worker);
      }
    }
    work(0);
    awaitOthers();
    Throwable thrown = failure.getAndSet(null);
    switch (thrown) {
      case null -> {}
      case RuntimeException exception -> throw exception;
      case Error error -> throw error;
      default -> throw new IllegalStateException("checked exception out of a task", thrown);
    }
  }

  /** Claims and runs pieces of the current epoch until none is left. */
  private void work(int worker) {
    while (true) {
      long claim = claims.get();
      int unclaimed = (int) claim;
      if (unclaimed == 0) {
        return;
      }
      Task current = task;
      int from = size - unclaimed;
      int count = Math.min(grain, unclaimed);
      if (claims.compareAndSet(claim, claim - count)) {
        runPiece(current, worker, from, from + count);
        if (unfinished.addAndGet(-count) == 0 && callerParked) {
          LockSupport.unpark(caller);
        }
      }
    }
  }

  private void runPiece(Task current, int worker, int from, int to) {
    if (failure.get() != null) {
      return;
    }
    try {
      current.run(worker, from, to);
    } catch (Throwable thrown) { // handed to the caller of run
      failure.compareAndSet(null, thrown);
    }
  }

  private void awaitOthers() {
    for (int spin = 0; spin < SPINS; spin++) {
      if (unfinished.get() == 0) {
        return;
      }
      Thread.onSpinWait();
    }
    callerParked = true;
    boolean interrupted = false;
    while (unfinished.get() != 0) {
      LockSupport.park(this);
      interrupted |= Thread.interrupted(); // an interrupt neither ends the wait nor makes it spin
    }
    callerParked = false;
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Ends and joins the threads. A pool may be closed more than once. */
  @Override
  public void close() {
    closed = true;
    for (Worker worker : workers) {
      LockSupport.unpark(worker);
      Threads.join(worker);
    }
  }

  private final class Worker extends Thread {
    private final int number;
    private volatile boolean parked;

    Worker(int number) {
      super("stowage-worker-" + number);
      setDaemon(true); // a forgotten pool must not keep the process alive
      this.number = number;
    }

    @Override
    public void run() {
      long seen = 0; // epoch last worked on
      while (true) {
        seen = awaitEpochAfter(seen);
        if (closed) {
          return;
        }
        work(number);
      }
    }

    private long awaitEpochAfter(long seen) {
      for (int spin = 0; spin < SPINS; spin++) {
        long epoch = claims.get() >>> 32;
        if (epoch != seen || closed) {
          return epoch;
        }
        Thread.onSpinWait();
      }
      parked = true;
      while (claims.get() >>> 32 == seen && !closed) {
        LockSupport.park(WorkerPool.this);
      }
      parked = false;
      return claims.get() >>> 32;
    }
  }
}
