package dev.stowage.csd.transport;

import dev.stowage.csd.command.Command;
import dev.stowage.csd.command.Completion;
import dev.stowage.csd.emulator.DriveEmulator;
import dev.stowage.runtime.parallel.Threads;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;

/**
 * An emulated drive in this JVM, on a thread of its own. Host and drive exchange nothing but the
 * bytes of commands, completions and shared memory; a doorbell tells each that the other is done.
 * Both look at it for a moment before they sleep, since a command often takes less time than waking
 * a thread.
 */
public final class EmbeddedTransport implements DriveTransport {
  private static final int LOOKS = 500;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment shared;
  private final MemorySegment command;
  private final MemorySegment completion;
  private final DriveEmulator drive;
  private final Thread thread;
  private volatile long rung;
  private volatile long answered;
  private volatile boolean off;
  private volatile Thread host;

  private EmbeddedTransport(
      String name, long sharedBytes, Function<MemorySegment, DriveEmulator> start) {
    try {
      shared = arena.allocate(sharedBytes, 64);
      command = arena.allocate(Command.BYTES, 64);
      completion = arena.allocate(Completion.BYTES, 64);
      drive = start.apply(shared);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
    thread = new Thread(this::serve, "stowage-csd-" + name);
    thread.setDaemon(true);
  }

  /**
   * Turns a drive on.
   *
   * @param name of its thread
   * @param start makes the drive around the shared memory; what it throws is thrown on
   */
  public static EmbeddedTransport open(
      String name, long sharedBytes, Function<MemorySegment, DriveEmulator> start) {
    var transport = new EmbeddedTransport(name, sharedBytes, start);
    transport.thread.start();
    return transport;
  }

  @Override
  public MemorySegment shared() {
    return shared;
  }

  @Override
  public MemorySegment command() {
    return command;
  }

  @Override
  public MemorySegment submit() {
    if (off) {
      throw new IllegalStateException("the drive is off");
    }
    host = Thread.currentThread();
    long mine = rung + 1;
    rung = mine;
    LockSupport.unpark(thread);
    boolean interrupted = false;
    for (int looks = 0; answered < mine; looks++) {
      if (looks < LOOKS) {
        Thread.onSpinWait();
      } else {
        LockSupport.park(this);
        interrupted |= Thread.interrupted();
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return completion;
  }

  private void serve() {
    long done = 0;
    for (int looks = 0; ; looks++) {
      if (rung > done) {
        drive.execute(command, completion);
        done++;
        answered = done;
        LockSupport.unpark(host);
        looks = 0;
      } else if (off) {
        return;
      } else if (looks < LOOKS) {
        Thread.onSpinWait();
      } else {
        LockSupport.park(this);
      }
    }
  }

  @Override
  public void close() {
    if (off) {
      return;
    }
    off = true;
    LockSupport.unpark(thread);
    Threads.join(thread);
    try (arena) {
      drive.close();
    }
  }
}
