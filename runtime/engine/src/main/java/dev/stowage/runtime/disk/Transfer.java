package dev.stowage.runtime.disk;

import dev.stowage.plan.Footprint;
import dev.stowage.runtime.parallel.Threads;
import dev.stowage.runtime.storage.StoredFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.concurrent.locks.LockSupport;

/**
 * Whole pages on their way between a file and a place in memory, moved by a thread of its own while
 * the owner computes. One at a time: whoever wants the place waits for what is under way.
 */
final class Transfer implements AutoCloseable {
  private static final int SPINS = 200;

  private final StoredFile file;
  private final MemorySegment memory;
  private final ByteBuffer buffer;
  private final boolean writes;
  private final Thread thread;
  private long offset;
  private int bytes;
  private IOException failure;
  private volatile boolean underWay;
  private volatile Thread waiting;
  private volatile boolean closed;

  Transfer(String name, StoredFile file, MemorySegment memory, boolean writes) {
    this.file = file;
    this.memory = memory;
    this.writes = writes;
    buffer = memory.asByteBuffer();
    thread = Thread.ofPlatform().daemon().name("stowage-" + name).unstarted(this::work);
    thread.start();
  }

  /** The place; its owner's while nothing is under way. */
  MemorySegment memory() {
    return memory;
  }

  /** Begins to move the first bytes of the place, after {@link #await}. */
  void begin(long offset, long bytes) {
    this.offset = offset;
    this.bytes = Math.toIntExact(bytes);
    underWay = true;
    LockSupport.unpark(thread);
  }

  /** Waits until nothing is under way; throws what the last transfer failed with. */
  void await() throws IOException {
    int spins = 0;
    while (underWay) {
      if (++spins < SPINS) {
        Thread.onSpinWait();
      } else {
        waiting = Thread.currentThread();
        if (underWay) {
          LockSupport.park(this);
        }
        waiting = null;
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  private void work() {
    while (true) {
      while (!underWay) {
        if (closed) {
          return;
        }
        LockSupport.park(this);
      }
      try {
        move();
      } catch (IOException e) {
        failure = e;
      } catch (RuntimeException e) {
        failure = new IOException(e);
      }
      underWay = false;
      LockSupport.unpark(waiting);
    }
  }

  private void move() throws IOException {
    for (int from = 0; from < bytes; from += StoredFile.REQUEST_BYTES) {
      buffer.limit(Math.min(bytes, from + StoredFile.REQUEST_BYTES)).position(from);
      if (writes) {
        file.writePages(buffer, offset + from);
      } else {
        while (buffer.hasRemaining()) {
          int count = file.readPages(buffer, offset + buffer.position());
          if (count < Footprint.PAGE_BYTES) {
            throw new IOException("it has lost what was written, and ends early");
          }
          buffer.position(buffer.position() / Footprint.PAGE_BYTES * Footprint.PAGE_BYTES);
        }
      }
    }
  }

  /** Ends the thread, once nothing is under way. */
  @Override
  public void close() {
    closed = true;
    LockSupport.unpark(thread);
    Threads.join(thread);
  }
}
