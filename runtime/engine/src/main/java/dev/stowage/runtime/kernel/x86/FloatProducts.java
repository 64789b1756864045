package dev.stowage.runtime.kernel.x86;

import dev.stowage.runtime.parallel.WorkerPool;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;

/**
 * Products with weights of single numbers, in floats: {@link Tile Tiles} of some rows by three
 * outputs, or four.
 *
 * <p>Rows pass a stack of {@value #STACK} outputs by in blocks, the stack's numbers in chunks, so
 * that what is multiplied lies in the nearest caches; the block's first rows ask for the weights
 * that come next. Up to {@value #FEW} rows take whole rows of weights, which they read but once.
 */
final class FloatProducts {
  static final int FEW = 3;

  private static final int STACK = 36;

  /** Bytes of activations that are laid out at a time, unless four rows are longer. */
  private static final long MOST_BYTES = 16 << 20;

  private static final Map<Width, Functions[]> MADE = new EnumMap<>(Width.class);

  /** The functions of a format, by rows and outputs. */
  private record Functions(MemorySegment[][] plain, MemorySegment[][] ahead) {
    static Functions of(Width width, Format format) {
      int most = Tile.mostRows(width);
      var all = new ArrayList<byte[]>();
      for (int rows = 1; rows <= most; rows++) {
        for (int outputs = 1; outputs <= Tile.mostOutputs(width, rows); outputs++) {
          all.add(new Tile(width, format, rows, outputs).code(false));
          all.add(new Tile(width, format, rows, outputs).code(true));
        }
      }
      var made = MachineCode.of(all).functions().iterator();
      var functions =
          new Functions(
              new MemorySegment[most + 1][Tile.MOST_OUTPUTS + 1],
              new MemorySegment[most + 1][Tile.MOST_OUTPUTS + 1]);
      for (int rows = 1; rows <= most; rows++) {
        for (int outputs = 1; outputs <= Tile.mostOutputs(width, rows); outputs++) {
          functions.plain[rows][outputs] = made.next();
          functions.ahead[rows][outputs] = made.next();
        }
      }
      return functions;
    }
  }

  private static synchronized Functions[] functions(Width width) {
    return MADE.computeIfAbsent(
        width,
        w ->
            Arrays.stream(Format.values())
                .map(format -> Functions.of(w, format))
                .toArray(Functions[]::new));
  }

  private final WorkerPool pool;
  private final Operands operands;
  private final Width width;
  private final Functions[] made;
  private final Shared shared;

  /** Numbers of a chunk. */
  private final int chunk;

  /** Rows of a block. */
  private final int blockRows;

  /** Rows of a group, which are interleaved. */
  private final int wide;

  private final MemorySegment[] sums;
  private final MemorySegment[] flat;
  private MemorySegment activations = MemorySegment.NULL;
  private Functions functions;
  private Format format;
  private int firstRow;
  private int rows;
  private final WorkerPool.Task layOut = (worker, from, to) -> layOut(from, to);
  private final WorkerPool.Task few = this::few;
  private final WorkerPool.Task many = this::many;

  FloatProducts(WorkerPool pool, Operands operands, Width width) {
    this.pool = pool;
    this.operands = operands;
    this.width = width;
    made = functions(width);
    shared = Shared.of(width);
    chunk = width == Width.AVX2 ? 256 : 512;
    blockRows = width == Width.AVX2 ? 96 : 48;
    wide = Tile.mostRows(width);
    sums = Scratch.of(pool.threads(), (long) width.bytes() * blockRows * STACK);
    flat = Scratch.of(pool.threads(), (long) Float.BYTES * wide * STACK);
  }

  void run(Format format) {
    this.format = format;
    functions = made[format.ordinal()];
    long rowBytes = (long) Float.BYTES * operands.k;
    int most = Math.clamp(MOST_BYTES / rowBytes / wide, 1, 1 << 24) * wide;
    for (firstRow = 0; firstRow < operands.rows; firstRow += rows) {
      rows = Math.min(most, operands.rows - firstRow);
      activations = Scratch.fit(activations, rows * rowBytes);
      pool.run(layOut, rows, Math.max(1, (rows + pool.threads() - 1) / pool.threads()));
      int stacks = (operands.outputs + STACK - 1) / STACK;
      pool.run(rows <= FEW ? few : many, stacks, Math.max(1, stacks / (8 * pool.threads())));
    }
  }

  /** Rows that are interleaved with the row that begins a group. */
  private int group(int row) {
    return Math.min(wide, rows - row);
  }

  private void layOut(int from, int to) {
    for (int row = from; row < to; row++) {
      int first = row - row % wide;
      long at = (long) Float.BYTES * first * operands.k + (long) width.bytes() * (row - first);
      MachineCode.call(
          shared.interleave,
          operands.x(firstRow + row),
          activations.address() + at,
          (long) width.bytes() * group(first),
          operands.k / width.lanes,
          0,
          0);
    }
  }

  private void few(int worker, int firstStack, int lastStack) {
    long sum = sums[worker].address();
    for (int stack = firstStack; stack < lastStack; stack++) {
      int output = stack * STACK;
      int outputs = Math.min(STACK, operands.outputs - output);
      MachineCode.call(shared.clear, sum, 0, 0, (long) rows * outputs, 0, 0);
      boolean ahead = width == Width.AVX512;
      tiles(0, 0, operands.k, outputs, operands.w(output), sum, ahead, Products.DISTANCE);
      store(worker, 0, output, outputs, sum);
    }
  }

  private void many(int worker, int firstStack, int lastStack) {
    long stride = format.bytes(operands.k);
    long sum = sums[worker].address();
    for (int block = 0; block < rows; block += blockRows) {
      int end = Math.min(rows, block + blockRows);
      for (int stack = firstStack; stack < lastStack; stack++) {
        int output = stack * STACK;
        int outputs = Math.min(STACK, operands.outputs - output);
        MachineCode.call(shared.clear, sum, 0, 0, (long) (end - block) * outputs, 0, 0);
        for (int c = 0; c < operands.k; c += chunk) {
          int n = Math.min(chunk, operands.k - c);
          long w = operands.w(output) + format.bytes(c);
          // the next chunk, or the next stack's first
          long next = c + n < operands.k ? format.bytes(n) : STACK * stride - format.bytes(c);
          for (int row = block; row < end; row += wide) {
            boolean ahead = row == block && stack + 1 < lastStack;
            tiles(row, c, n, outputs, w, sum(sum, row - block, outputs), ahead, next);
          }
        }
        for (int row = block; row < end; row += wide) {
          store(worker, row, output, outputs, sum(sum, row - block, outputs));
        }
      }
    }
  }

  /** Where the sums of a group of rows lie. */
  private long sum(long sums, int row, int outputs) {
    return sums + (long) width.bytes() * row * outputs;
  }

  private void tiles(
      int row, int c, int n, int outputs, long w, long sum, boolean ahead, long next) {
    int group = group(row);
    var shapes = (ahead ? functions.ahead : functions.plain)[group];
    long x = activations.address() + (long) Float.BYTES * ((long) row * operands.k + c * group);
    long stride = format.bytes(operands.k);
    int most = Tile.mostOutputs(width, group);
    long tiles = outputs / most;
    long steps = n / Format.STEP;
    if (tiles > 0) {
      MachineCode.call(shapes[most], x, w, stride, steps | tiles << 32, sum, next);
    }
    int rest = outputs % most;
    if (rest > 0) {
      long before = tiles * most;
      MachineCode.call(
          shapes[rest],
          x,
          w + before * stride,
          stride,
          steps | 1L << 32,
          sum(sum, group, (int) before),
          next);
    }
  }

  private void store(int worker, int row, int output, int outputs, long sum) {
    int group = group(row);
    boolean direct = operands.storedDirectly();
    long to = direct ? operands.out(firstRow + row, output) : flat[worker].address();
    long stride = direct ? operands.outStride : (long) Float.BYTES * STACK;
    int most = Tile.mostOutputs(width, group);
    long tiles = outputs / most;
    if (tiles > 0) {
      MachineCode.call(shared.fold(group, most), sum, to, stride, tiles, 0, 0);
    }
    int rest = outputs % most;
    if (rest > 0) {
      long before = tiles * most;
      MachineCode.call(
          shared.fold(group, rest),
          sum(sum, group, (int) before),
          to + Float.BYTES * before,
          stride,
          1,
          0,
          0);
    }
    for (int r = 0; r < group && !direct; r++) {
      operands.store(firstRow + row + r, output, flat[worker], r * stride, outputs);
    }
  }
}
