package dev.stowage.runtime.parallel;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Work that some threads of its own share, once, while whoever began it does other things: reading,
 * above all, which waits more than it computes. The first piece that fails is the last that begins.
 */
public final class Background implements AutoCloseable {
  /** One of the pieces. */
  public interface Piece {
    /**
     * Does a piece.
     *
     * @param thread number of the thread that does it, to pick its own scratch
     */
    void run(int thread, int number);
  }

  private final Thread[] threads;
  private final int pieces;
  private final Piece piece;
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();

  private Background(String name, int threads, int pieces, Piece piece) {
    this.threads = new Thread[Math.min(threads, pieces)];
    this.pieces = pieces;
    this.piece = piece;
    for (int i = 0; i < this.threads.length; i++) {
      int thread = i;
      this.threads[i] = Thread.ofPlatform().daemon().name(name + "-" + i).start(() -> work(thread));
    }
  }

  /** Begins pieces in the order of their numbers, on so many threads. */
  public static Background start(String name, int threads, int pieces, Piece piece) {
    return new Background(name, threads, pieces, piece);
  }

  private void work(int thread) {
    try {
      for (int at = next.getAndIncrement(); at < pieces; at = next.getAndIncrement()) {
        piece.run(thread, at);
      }
    } catch (Throwable e) {
      failure.compareAndSet(null, e);
      next.set(pieces);
    }
  }

  /** Returns when all is done; throws what a piece has thrown. */
  public void await() {
    join();
    switch (failure.get()) {
      case null -> {}
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      case Throwable e -> throw new IllegalStateException(e);
    }
  }

  /** Begins no more pieces, and returns when those that have begun are done. */
  @Override
  public void close() {
    next.set(pieces);
    join();
  }

  private void join() {
    for (var thread : threads) {
      Threads.join(thread);
    }
  }
}
