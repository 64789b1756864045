package dev.stowage.runtime.kernel.x86;

import dev.stowage.runtime.parallel.WorkerPool;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;

/**
 * Products with weights of single numbers, in floats: {@link Tile Tiles} of up to {@value
 * Tile#MOST_ROWS} rows by three outputs, or four.
 *
 * <p>Rows pass a stack of {@value #STACK} outputs by in blocks of {@value #BLOCK_ROWS}, the stack's
 * numbers {@value #CHUNK} at a time, so that what is multiplied lies in the nearest caches; the
 * block's first rows ask for the weights that come next. Up to {@value #FEW} rows take whole rows
 * of weights, which they read but once.
 */
final class FloatProducts {
  private static final int FEW = 3;
  private static final int STACK = 36;
  private static final int CHUNK = 256;
  private static final int BLOCK_ROWS = 96;

  /** Bytes of activations that are laid out at a time, unless four rows are longer. */
  private static final long MOST_BYTES = 16 << 20;

  /** The functions of a format, by rows and outputs. */
  private record Functions(MemorySegment[][] plain, MemorySegment[][] ahead) {
    static Functions of(Format format) {
      var all = new ArrayList<byte[]>();
      for (int rows = 1; rows <= Tile.MOST_ROWS; rows++) {
        for (int outputs = 1; outputs <= Tile.mostOutputs(rows); outputs++) {
          all.add(new Tile(format, rows, outputs).code(false));
          all.add(new Tile(format, rows, outputs).code(true));
        }
      }
      var made = MachineCode.of(all).functions().iterator();
      var functions =
          new Functions(
              new MemorySegment[Tile.MOST_ROWS + 1][Tile.mostOutputs(1) + 1],
              new MemorySegment[Tile.MOST_ROWS + 1][Tile.mostOutputs(1) + 1]);
      for (int rows = 1; rows <= Tile.MOST_ROWS; rows++) {
        for (int outputs = 1; outputs <= Tile.mostOutputs(rows); outputs++) {
          functions.plain[rows][outputs] = made.next();
          functions.ahead[rows][outputs] = made.next();
        }
      }
      return functions;
    }
  }

  private static final Functions[] FUNCTIONS =
      Arrays.stream(Format.values()).map(Functions::of).toArray(Functions[]::new);

  private final WorkerPool pool;
  private final Operands operands;
  private final MemorySegment[] sums;
  private final MemorySegment[] flat;
  private MemorySegment activations = MemorySegment.NULL;
  private Functions functions;
  private Format format;
  private int firstRow;
  private int rows;
  private final WorkerPool.Task layOut = (worker, from, to) -> layOut(from, to);
  private final WorkerPool.Task multiply = this::multiply;

  FloatProducts(WorkerPool pool, Operands operands) {
    this.pool = pool;
    this.operands = operands;
    sums = Scratch.of(pool.threads(), (long) Tile.VECTOR_BYTES * BLOCK_ROWS * STACK);
    flat = Scratch.of(pool.threads(), (long) Float.BYTES * Tile.MOST_ROWS * STACK);
  }

  void run(Format format) {
    this.format = format;
    functions = FUNCTIONS[format.ordinal()];
    long rowBytes = (long) Float.BYTES * operands.k;
    int most = Math.clamp(MOST_BYTES / rowBytes / Tile.MOST_ROWS, 1, 1 << 24) * Tile.MOST_ROWS;
    for (firstRow = 0; firstRow < operands.rows; firstRow += rows) {
      rows = Math.min(most, operands.rows - firstRow);
      activations = Scratch.fit(activations, rows * rowBytes);
      pool.run(layOut, rows, Math.max(1, (rows + pool.threads() - 1) / pool.threads()));
      int stacks = (operands.outputs + STACK - 1) / STACK;
      pool.run(multiply, stacks, Math.max(1, stacks / (8 * pool.threads())));
    }
  }

  /** Rows that are interleaved with the row that begins a group. */
  private int group(int row) {
    return Math.min(Tile.MOST_ROWS, rows - row);
  }

  private void layOut(int from, int to) {
    for (int row = from; row < to; row++) {
      int first = row - row % Tile.MOST_ROWS;
      long at = (long) Float.BYTES * first * operands.k + (long) Tile.VECTOR_BYTES * (row - first);
      MachineCode.call(
          Shared.INTERLEAVE,
          operands.x(firstRow + row),
          activations.address() + at,
          (long) Tile.VECTOR_BYTES * group(first),
          operands.k / 8,
          0,
          0);
    }
  }

  private void multiply(int worker, int firstStack, int lastStack) {
    boolean few = rows <= FEW;
    int chunk = few ? operands.k : CHUNK;
    long stride = format.bytes(operands.k);
    long sum = sums[worker].address();
    for (int block = 0; block < rows; block += BLOCK_ROWS) {
      int end = Math.min(rows, block + BLOCK_ROWS);
      for (int stack = firstStack; stack < lastStack; stack++) {
        int output = stack * STACK;
        int outputs = Math.min(STACK, operands.outputs - output);
        MachineCode.call(Shared.CLEAR, sum, 0, 0, (long) (end - block) * outputs, 0, 0);
        for (int c = 0; c < operands.k; c += chunk) {
          int n = Math.min(chunk, operands.k - c);
          long w = operands.w(output) + format.bytes(c);
          // the next chunk, or the next stack's first
          long next = c + n < operands.k ? format.bytes(n) : STACK * stride - format.bytes(c);
          for (int row = block; row < end; row += Tile.MOST_ROWS) {
            boolean ahead = !few && row == block && stack + 1 < lastStack;
            tiles(row, c, n, outputs, w, sum(sum, row - block, outputs), ahead, next);
          }
        }
        for (int row = block; row < end; row += Tile.MOST_ROWS) {
          store(worker, row, output, outputs, sum(sum, row - block, outputs));
        }
      }
    }
  }

  /** Where the sums of a group of rows lie. */
  private static long sum(long sums, int row, int outputs) {
    return sums + (long) Tile.VECTOR_BYTES * row * outputs;
  }

  private void tiles(
      int row, int c, int n, int outputs, long w, long sum, boolean ahead, long next) {
    int group = group(row);
    var shapes = (ahead ? functions.ahead : functions.plain)[group];
    long x = activations.address() + (long) Float.BYTES * ((long) row * operands.k + c * group);
    long stride = format.bytes(operands.k);
    int wide = Tile.mostOutputs(group);
    long tiles = outputs / wide;
    long steps = n / Format.STEP;
    if (tiles > 0) {
      MachineCode.call(shapes[wide], x, w, stride, steps | tiles << 32, sum, next);
    }
    int rest = outputs % wide;
    if (rest > 0) {
      long before = tiles * wide;
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
    long to = flat[worker].address();
    long stride = (long) Float.BYTES * STACK;
    int wide = Tile.mostOutputs(group);
    long tiles = outputs / wide;
    if (tiles > 0) {
      MachineCode.call(Shared.fold(group, wide), sum, to, stride, tiles, 0, 0);
    }
    int rest = outputs % wide;
    if (rest > 0) {
      long before = tiles * wide;
      MachineCode.call(
          Shared.fold(group, rest),
          sum(sum, group, (int) before),
          to + Float.BYTES * before,
          stride,
          1,
          0,
          0);
    }
    for (int r = 0; r < group; r++) {
      operands.store(firstRow + row + r, output, flat[worker], r * stride, outputs);
    }
  }
}
