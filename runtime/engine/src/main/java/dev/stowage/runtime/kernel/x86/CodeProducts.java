package dev.stowage.runtime.kernel.x86;

import dev.stowage.runtime.parallel.WorkerPool;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;

/**
 * Products with quantized weights: activations are rounded to 16 bits ({@link Rounding}), so that a
 * block's products are integers whose sum is exact, and twice as many of them are made at a time as
 * of floats. The sum of block b is scaled and added to lane b % 8 of the element's sum.
 *
 * <p>Rounded activations lie in records of {@value #RECORD} blocks, in which L rows are
 * interleaved:
 *
 * <pre>
 *   scales  F32 [8, L]
 *   sums    F32 or 32-bit [8, L]; what mins or offsets of codes are multiplied by
 *   codes   16-bit [8 blocks * numbers / 2, L, 2]
 * </pre>
 *
 * <ul>
 *   <li>Few rows: L is 1, codes lie as {@link Strips} come, and weights are widened in registers,
 *       once for some of the rows ({@link CodeRows}).
 *   <li>More: a row in each lane of one vector or of two, and weights are widened once into panels
 *       of some outputs and one record, which all rows of a block pass by ({@link CodeTile}).
 * </ul>
 */
final class CodeProducts {
  /** Blocks of a record. */
  static final int RECORD = 8;

  /** Bytes of a row's scales and sums in a record. */
  static final int HEADER_BYTES = 2 * RECORD * Float.BYTES;

  /** Rows up to which they are few: tiles are of as many rows as vectors have lanes. */
  private static int few(Width width) {
    return width == Width.AVX2 ? 4 : 8;
  }

  /** Rows that pass a panel: whole groups of every width. */
  private static final int BLOCK_ROWS = 192;

  /** Bytes of activations that are rounded at a time, unless a single row is longer. */
  private static final long MOST_BYTES = 16 << 20;

  /** Outputs of a panel, of which many rows may take twice as many. */
  static int panelRows(Width width) {
    return width == Width.AVX2 ? 16 : 32;
  }

  static int recordBytes(Codes codes) {
    return HEADER_BYTES + RECORD * codes.numbers * Short.BYTES;
  }

  /** The functions of a format. */
  private record Functions(
      MemorySegment round,
      MemorySegment roundFew, // one block
      MemorySegment[] rows, // by rows, of whole records
      MemorySegment[] rest, // by blocks, of one row
      MemorySegment widen,
      MemorySegment[][] tile, // by vectors and outputs
      MemorySegment[][] fold) {

    static Functions of(Width width, Codes codes) {
      var all = new ArrayList<byte[]>();
      all.add(Rounding.code(codes));
      all.add(Rounding.code(new Strips(width, codes)));
      all.add(CodeTile.widen(width, codes));
      int mostRows = CodeRows.mostRows(width, codes);
      for (int rows = 1; rows <= mostRows; rows++) {
        all.add(new CodeRows(new Strips(width, codes), RECORD, rows).code());
      }
      int mostRest = codes.superblocks() ? 0 : RECORD - 1;
      for (int blocks = 1; blocks <= mostRest; blocks++) {
        all.add(new CodeRows(new Strips(width, codes), blocks, 1).code());
      }
      for (int vectors = 1; vectors <= 2; vectors++) {
        for (int outputs = 1; outputs <= CodeTile.mostOutputs(width, vectors); outputs++) {
          all.add(new CodeTile(width, codes, vectors, outputs).code());
          all.add(new CodeTile(width, codes, vectors, outputs).fold());
        }
      }
      var made = MachineCode.of(all).functions().iterator();
      var functions =
          new Functions(
              made.next(),
              made.next(),
              new MemorySegment[mostRows + 1],
              new MemorySegment[mostRest + 1],
              made.next(),
              new MemorySegment[3][CodeTile.mostOutputs(width, 1) + 1],
              new MemorySegment[3][CodeTile.mostOutputs(width, 1) + 1]);
      for (int rows = 1; rows <= mostRows; rows++) {
        functions.rows[rows] = made.next();
      }
      for (int blocks = 1; blocks <= mostRest; blocks++) {
        functions.rest[blocks] = made.next();
      }
      for (int vectors = 1; vectors <= 2; vectors++) {
        for (int outputs = 1; outputs <= CodeTile.mostOutputs(width, vectors); outputs++) {
          functions.tile[vectors][outputs] = made.next();
          functions.fold[vectors][outputs] = made.next();
        }
      }
      return functions;
    }
  }

  private static final Map<Width, Functions[]> MADE = new EnumMap<>(Width.class);

  private static synchronized Functions[] functions(Width width) {
    return MADE.computeIfAbsent(
        width,
        w ->
            Arrays.stream(Codes.values())
                .map(codes -> Functions.of(w, codes))
                .toArray(Functions[]::new));
  }

  private final WorkerPool pool;
  private final Operands operands;
  private final Width width;
  private final Functions[] made;
  private final Strips[] order;
  private final Shared narrow = Shared.of(Width.AVX2);

  private int panelRows; // of this call
  private final int few;

  /** Rows of a group: as many as two vectors have lanes. */
  private final int most;

  private final MemorySegment[] sums;
  private final MemorySegment[] flat;
  private final MemorySegment[] panels;
  private MemorySegment activations = MemorySegment.NULL;
  private Functions functions;
  private Codes codes;
  private Strips strips;
  private int firstRow;
  private int rows;
  private int records;
  private int blocks;
  private final WorkerPool.Task round = (worker, from, to) -> round(from, to);
  private final WorkerPool.Task fewRows = this::few;
  private final WorkerPool.Task manyRows = this::many;

  CodeProducts(WorkerPool pool, Operands operands, Width width) {
    this.pool = pool;
    this.operands = operands;
    this.width = width;
    made = functions(width);
    order = Arrays.stream(Codes.values()).map(c -> new Strips(width, c)).toArray(Strips[]::new);
    few = few(width);
    most = 2 * width.lanes;
    int threads = pool.threads();
    int mostRows = 2 * panelRows(width);
    sums = Scratch.of(threads, (long) Float.BYTES * RECORD * BLOCK_ROWS * mostRows);
    flat = Scratch.of(threads, (long) Float.BYTES * most * mostRows);
    int widest = Arrays.stream(Codes.values()).mapToInt(CodeTile::blockBytes).max().orElseThrow();
    panels = Scratch.of(threads, (long) mostRows * RECORD * widest);
  }

  void run(Codes codes) {
    this.codes = codes;
    functions = made[codes.ordinal()];
    strips = order[codes.ordinal()];
    blocks = operands.k / codes.numbers;
    records = (blocks + RECORD - 1) / RECORD;
    long rowBytes = (long) records * recordBytes(codes);
    int once = (int) Math.max(1, MOST_BYTES / rowBytes / most) * most;
    for (firstRow = 0; firstRow < operands.rows; firstRow += rows) {
      rows = Math.min(once, operands.rows - firstRow);
      int padded = rows <= few ? rows : groupsOf(rows) * most;
      activations = Scratch.fit(activations, padded * rowBytes);
      int pieces = (rows <= few ? rows : groupsOf(rows)) * records;
      pool.run(round, pieces, Math.max(1, (pieces + pool.threads() - 1) / pool.threads()));
      panelRows = rows <= few ? panelRows(width) : panelRowsOfMany();
      int stacks = (operands.outputs + panelRows - 1) / panelRows;
      pool.run(
          rows <= few ? fewRows : manyRows, stacks, Math.max(1, stacks / (8 * pool.threads())));
    }
  }

  /** Vectors of 512 bits like larger panels, where each thread still gets some of them. */
  private int panelRowsOfMany() {
    int least = panelRows(width);
    boolean large = width == Width.AVX512 && operands.outputs >= 8 * least * pool.threads();
    return large ? 2 * least : least;
  }

  private int groupsOf(int rows) {
    return (rows + most - 1) / most;
  }

  /** Rows interleaved with those of a group. */
  private int lanes(int group) {
    return rows <= few ? 1 : rows - group * most <= most / 2 ? most / 2 : most;
  }

  /** Where a record of a group of rows begins. */
  private long record(int group, int lanes, int record) {
    int before = rows <= few ? group : group * most;
    return activations.address()
        + ((long) before * records + (long) lanes * record) * recordBytes(codes);
  }

  private void round(int from, int to) {
    for (int piece = from; piece < to; piece++) {
      int group = piece / records;
      int record = piece % records;
      int lanes = lanes(group);
      long header = record(group, lanes, record);
      int count = Math.min(RECORD, blocks - record * RECORD);
      if (count < RECORD) {
        long vectors = (long) lanes * HEADER_BYTES / Width.AVX2.bytes();
        MachineCode.call(narrow.clear, header, 0, 0, vectors, 0, 0);
      }
      if (rows <= few) {
        long x = operands.x(firstRow + group) + 4L * record * RECORD * codes.numbers;
        for (int block = 0; block < count; block++) {
          MachineCode.call(
              functions.roundFew,
              x + 4L * block * codes.numbers,
              header + HEADER_BYTES + Short.BYTES * strips.position(block, 0),
              0,
              1,
              header + 4L * block,
              header + 4L * (RECORD + block));
        }
        continue;
      }
      int first = group * most;
      for (int lane = 0; lane < lanes && first + lane < rows; lane++) {
        long x = operands.x(firstRow + first + lane) + 4L * record * RECORD * codes.numbers;
        long scale = header + 4L * lane;
        MachineCode.call(
            functions.round,
            x,
            header + (long) lanes * HEADER_BYTES + 4L * lane,
            4L * lanes,
            count,
            scale,
            scale + 4L * lanes * RECORD);
      }
    }
  }

  private void few(int worker, int firstStack, int lastStack) {
    long sum = sums[worker].address();
    long folded = flat[worker].address();
    long rowBytes = operands.type.rowBytes(operands.k);
    int whole = blocks / RECORD;
    int rest = blocks % RECORD;
    long xBytes = (long) records * recordBytes(codes);
    long sumBytes = 4L * RECORD * panelRows; // of a row
    int together = CodeRows.mostRows(width, codes);
    for (int stack = firstStack; stack < lastStack; stack++) {
      int output = stack * panelRows;
      int outputs = Math.min(panelRows, operands.outputs - output);
      long w = operands.w(output);
      for (int row = 0; row < rows; row += together) {
        int count = Math.min(together, rows - row);
        MachineCode.call(narrow.clear, sum, 0, 0, (long) count * panelRows, 0, 0);
        long x = record(row, 1, 0);
        if (whole > 0) {
          MachineCode.call(
              functions.rows[count], x, w, rowBytes, whole, sum, outputs | xBytes << 32);
        }
        for (int r = 0; r < count; r++) {
          if (rest > 0) {
            MachineCode.call(
                functions.rest[rest],
                x + r * xBytes + (long) whole * recordBytes(codes),
                w + (long) whole * codes.recordBytes,
                rowBytes,
                1,
                sum + r * sumBytes,
                outputs);
          }
          MachineCode.call(narrow.fold(1, 1), sum + r * sumBytes, folded, 0, outputs, 0, 0);
          operands.store(firstRow + row + r, output, flat[worker], 0, outputs);
        }
      }
    }
  }

  private void many(int worker, int firstStack, int lastStack) {
    long rowBytes = operands.type.rowBytes(operands.k);
    long sum = sums[worker].address();
    long panel = panels[worker].address();
    long panelRow = CodeTile.rowBytes(codes);
    for (int block = 0; block < rows; block += BLOCK_ROWS) {
      int end = Math.min(rows, block + BLOCK_ROWS);
      for (int stack = firstStack; stack < lastStack; stack++) {
        int output = stack * panelRows;
        int outputs = Math.min(panelRows, operands.outputs - output);
        MachineCode.call(
            narrow.clear, sum, 0, 0, (long) groupsOf(end - block) * most * panelRows, 0, 0);
        for (int record = 0; record < records; record++) {
          int count = Math.min(RECORD, blocks - record * RECORD);
          long w = operands.w(output) + (long) record * codes.recordBytes;
          long ahead =
              record + 1 < records
                  ? codes.recordBytes
                  : panelRows * rowBytes - (long) record * codes.recordBytes;
          MachineCode.call(
              functions.widen, panel, w, rowBytes, count, panelRow, outputs | ahead << 32);
          for (int group = block / most; group < groupsOf(end); group++) {
            tiles(group, record, count, outputs, panel, panelRow, sum + groupSums(group, block));
          }
        }
        for (int group = block / most; group < groupsOf(end); group++) {
          store(worker, group, output, outputs, sum + groupSums(group, block));
        }
      }
    }
  }

  /** Where the sums of a group lie. */
  private long groupSums(int group, int block) {
    return 4L * RECORD * most * panelRows * (group - block / most);
  }

  private void tiles(
      int group, int record, int count, int outputs, long panel, long panelRow, long sum) {
    int lanes = lanes(group);
    int vectors = 2 * lanes / most;
    long header = record(group, lanes, record);
    long x = header + (long) lanes * HEADER_BYTES;
    int wide = CodeTile.mostOutputs(width, vectors);
    long tiles = outputs / wide;
    if (tiles > 0) {
      MachineCode.call(
          functions.tile[vectors][wide], x, panel, panelRow, count | tiles << 32, sum, header);
    }
    int rest = outputs % wide;
    if (rest > 0) {
      MachineCode.call(
          functions.tile[vectors][rest],
          x,
          panel + tiles * wide * panelRow,
          panelRow,
          count | 1L << 32,
          sum + tiles * wide * RECORD * 4 * lanes,
          header);
    }
  }

  private void store(int worker, int group, int output, int outputs, long sum) {
    int lanes = lanes(group);
    int vectors = 2 * lanes / most;
    int first = group * most;
    boolean direct = operands.storedDirectly() && first + lanes <= rows;
    long to = direct ? operands.out(firstRow + first, output) : flat[worker].address();
    long stride = direct ? operands.outStride : 4L * panelRows;
    int wide = CodeTile.mostOutputs(width, vectors);
    long tiles = outputs / wide;
    if (tiles > 0) {
      MachineCode.call(functions.fold[vectors][wide], sum, to, stride, tiles, 0, 0);
    }
    int rest = outputs % wide;
    if (rest > 0) {
      MachineCode.call(
          functions.fold[vectors][rest],
          sum + tiles * wide * RECORD * 4 * lanes,
          to + tiles * wide * 4,
          stride,
          1,
          0,
          0);
    }
    for (int lane = 0; lane < lanes && first + lane < rows && !direct; lane++) {
      operands.store(firstRow + first + lane, output, flat[worker], stride * lane, outputs);
    }
  }
}
