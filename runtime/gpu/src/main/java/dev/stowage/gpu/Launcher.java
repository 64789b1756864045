package dev.stowage.gpu;

import dev.stowage.runtime.device.DeviceException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jcuda.Pointer;
import jcuda.driver.CUfunction;
import jcuda.driver.CUstream;

/**
 * Starts kernels on one stream, in order. Every kernel takes the same block of arguments (pointers,
 * integers, floats, see {@code kernels.cu}); tables of integers go through a ring of page-locked
 * memory that kernels read from the host.
 */
final class Launcher {
  private static final int INTEGERS = 8 * Long.BYTES;
  private static final int FLOATS = INTEGERS + 16 * Long.BYTES;
  private static final int BYTES = FLOATS + 4 * Float.BYTES;
  private static final long RING = 4L << 20;

  private final Cuda cuda;
  private final CUstream stream;
  private final ByteBuffer arguments =
      ByteBuffer.allocateDirect(BYTES).order(ByteOrder.nativeOrder());
  private final Pointer parameters = Pointer.to(Pointer.to(arguments));
  private final MemorySegment ring;
  private MemorySegment scratch; // null until a kernel needs it
  private MemorySegment choiceRoom; // likewise
  private long choiceBytes;
  private long used;
  private int pointers;
  private int integers;
  private int floats;

  Launcher(Cuda cuda, CUstream stream) {
    this.cuda = cuda;
    this.stream = stream;
    ring = cuda.pinned("tables of kernels", RING);
  }

  /** Begins the arguments of a launch. */
  Launcher arguments() {
    pointers = 0;
    integers = 0;
    floats = 0;
    return this;
  }

  /** The next pointer. */
  Launcher at(long address) {
    arguments.putLong(pointers++ * Long.BYTES, address);
    return this;
  }

  /** The next pointer: to a place in a segment. */
  Launcher at(MemorySegment segment, long offset) {
    return at(segment.address() + offset);
  }

  /** The next integer. */
  Launcher number(long value) {
    arguments.putLong(INTEGERS + integers++ * Long.BYTES, value);
    return this;
  }

  /** The next float. */
  Launcher number(float value) {
    arguments.putFloat(FLOATS + floats++ * Float.BYTES, value);
    return this;
  }

  /** Starts a kernel with one thread for each of so many units of work. */
  void each(CUfunction kernel, long units) {
    blocks(kernel, (units + 255) / 256, 1, 256);
  }

  /** Starts a kernel with so many blocks; none do nothing. */
  void blocks(CUfunction kernel, long x, int y, int threads) {
    blocks(kernel, x, y, threads, 0);
  }

  /** Likewise, each block with so many bytes of shared memory. */
  void blocks(CUfunction kernel, long x, int y, int threads, int sharedBytes) {
    if (x > 0 && y > 0) {
      cuda.launch(kernel, x, y, threads, sharedBytes, stream, parameters);
    }
  }

  /**
   * Where kernels find a copy of some integers, until so many more bytes of tables have followed
   * that the ring starts anew.
   */
  long table(int[] values, int from, int count) {
    long at = reserve((long) count * Integer.BYTES);
    MemorySegment.copy(values, from, ring, ValueLayout.JAVA_INT, at, count);
    return ring.address() + at;
  }

  /** Likewise for longs. */
  long table(long[] values, int count) {
    long at = reserve((long) count * Long.BYTES);
    MemorySegment.copy(values, 0, ring, ValueLayout.JAVA_LONG, at, count);
    return ring.address() + at;
  }

  /**
   * Memory of the GPU for what one launch leaves to the next: the same at every call, so of the
   * same size. It lies in the plan's reserve, like the driver's own.
   */
  long scratch(long bytes) {
    if (scratch == null) {
      scratch = cuda.allocate("what kernels leave to each other", bytes);
    }
    return scratch.address();
  }

  /** Says, before the first launch, how much room choosing tokens takes. */
  void needChoiceRoom(long bytes) {
    choiceBytes = Math.max(choiceBytes, bytes);
  }

  /** Likewise memory of the GPU: for the tokens that are chosen and what they are chosen by. */
  long choiceRoom() {
    if (choiceRoom == null) {
      choiceRoom = cuda.allocate("what sparse attention chooses", choiceBytes);
    }
    return choiceRoom.address();
  }

  /** Whether the tables of one launch over so many rows fit. */
  static boolean fits(int rows) {
    return rows <= RING / 4 / Long.BYTES;
  }

  private long reserve(long bytes) {
    if (bytes > RING / 2) {
      throw new DeviceException(
          "gpu", "a table of %d bytes, and kernels have room for %d".formatted(bytes, RING / 2));
    }
    if (used + bytes > RING) {
      cuda.await(stream); // nobody reads the old tables any more
      used = 0;
    }
    long at = used;
    used += (bytes + 15) / 16 * 16;
    return at;
  }
}
