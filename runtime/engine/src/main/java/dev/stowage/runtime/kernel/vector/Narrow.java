package dev.stowage.runtime.kernel.vector;

import static dev.stowage.runtime.kernel.vector.Lanes.F;
import static dev.stowage.runtime.kernel.vector.Lanes.LANES;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.kernel.CodeSearch;
import dev.stowage.runtime.kernel.Elements;
import dev.stowage.runtime.kernel.Quantized;
import dev.stowage.runtime.parallel.WorkerPool;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Stores F32 numbers as those of another type, shared out over rows. */
final class Narrow implements WorkerPool.Task {
  private static final VectorSpecies<Integer> I = F.withLanes(int.class);
  private static final VectorSpecies<Short> S = ShortVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Short> HALF_S =
      VectorSpecies.of(short.class, VectorShape.forBitSize(F.vectorBitSize() / 2));

  /** As many bytes as lanes; there is no shape of 32 bits, and codes then go one by one. */
  private static final VectorSpecies<Byte> B =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, 8 * LANES)));

  private static final boolean BYTES = B.length() == LANES;

  private static final int GROUP = ElementType.GROUP;
  private static final int HEADER = 4;

  /** Elements below which a second thread does not pay. */
  private static final int SERIAL_ELEMENTS = 1 << 14;

  /** Halves that are made at a time. */
  private static final int CHUNK = 256;

  /** Lines of a search, in whole vectors. */
  private static final int LINES = Math.max(LANES, CodeSearch.MOST_LINES);

  /** What one worker scribbles on. */
  private static final class Scratch {
    private final short[] halves = new short[CHUNK];
    private final float[] group = new float[GROUP];
    private final float[] lows = new float[LINES];
    private final float[] steps = new float[LINES];
    private final float[] costs = new float[LINES];
  }

  private final WorkerPool pool;
  private final Scratch[] scratches; // of each worker
  private CodeSearch search;
  private MemorySegment x;
  private long xOffset;
  private long xStride;
  private MemorySegment out;
  private long outOffset;
  private long outStride;
  private ElementType type;
  private int width;

  Narrow(WorkerPool pool) {
    this.pool = pool;
    scratches = new Scratch[pool.threads()];
    Arrays.setAll(scratches, i -> new Scratch());
  }

  void run(
      CodeSearch search,
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment out,
      long outOffset,
      long outStride,
      ElementType type,
      int rows,
      int width) {
    this.search = search;
    this.x = x;
    this.xOffset = xOffset;
    this.xStride = xStride;
    this.out = out;
    this.outOffset = outOffset;
    this.outStride = outStride;
    this.type = type;
    this.width = width;
    pool.run(this, rows, Math.max(1, SERIAL_ELEMENTS / Math.max(1, width)));
    this.x = null; // a segment is not kept reachable beyond the call
    this.out = null;
  }

  @Override
  public void run(int worker, int from, int to) {
    for (int r = from; r < to; r++) {
      long xr = xOffset + r * xStride;
      long row = outOffset + r * outStride;
      switch (type) {
        case F32 -> MemorySegment.copy(x, xr, out, row, 4L * width);
        case F16 -> f16(x, xr, out, row, width, scratches[worker].halves);
        case BF16 -> bf16(x, xr, out, row, width);
        case INT8, INT4 -> quantize(type, search, x, xr, out, row, width, scratches[worker]);
        case Q8_0, Q4_0, Q4_K, Q6_K -> throw type.notSingle();
      }
    }
  }

  private static void f16(
      MemorySegment x, long xr, MemorySegment out, long row, int width, short[] halves) {
    for (int first = 0; first < width; first += CHUNK) {
      int n = Math.min(CHUNK, width - first);
      toHalves(x, xr + 4L * first, halves, n);
      copy(halves, n, out, row + 2L * first);
    }
  }

  /** C2 makes the machine's own conversion of this loop, as what it writes lies in the heap. */
  private static void toHalves(MemorySegment x, long at, short[] halves, int n) {
    for (int i = 0; i < n; i++) {
      halves[i] = Float.floatToFloat16(x.get(Elements.F32, at + 4L * i));
    }
  }

  private static void copy(short[] from, int n, MemorySegment out, long at) {
    int i = 0;
    for (int bound = S.loopBound(n); i < bound; i += S.length()) {
      ShortVector.fromArray(S, from, i).intoMemorySegment(out, at + 2L * i, LITTLE_ENDIAN);
    }
    for (; i < n; i++) {
      out.set(Elements.BITS16, at + 2L * i, from[i]);
    }
  }

  /** As {@link Elements#floatToBf16}. */
  private static void bf16(MemorySegment x, long xr, MemorySegment out, long row, int width) {
    int i = 0;
    for (int bound = F.loopBound(width); i < bound; i += LANES) {
      var bits = IntVector.fromMemorySegment(I, x, xr + 4L * i, LITTLE_ENDIAN);
      var odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
      var nan = bits.and(0x7fffffff).compare(VectorOperators.GT, 0x7f800000);
      bits.add(odd)
          .add(0x7fff)
          .blend(bits.or(0x400000), nan)
          .lanewise(VectorOperators.LSHR, 16)
          .convertShape(VectorOperators.I2S, HALF_S, 0)
          .reinterpretAsShorts()
          .intoMemorySegment(out, row + 2L * i, LITTLE_ENDIAN);
    }
    for (; i < width; i++) {
      float value = x.get(Elements.F32, xr + 4L * i);
      out.set(Elements.BITS16, row + 2L * i, Elements.floatToBf16(value));
    }
  }

  /** Whole groups by vectors, what is left as {@link Quantized#encode}. */
  private static void quantize(
      ElementType type,
      CodeSearch search,
      MemorySegment x,
      long xr,
      MemorySegment out,
      long row,
      int width,
      Scratch s) {
    int first = 0;
    for (; BYTES && first <= width - GROUP; first += GROUP) {
      long group = Quantized.group(type, row, first);
      copy(x, xr + 4L * first, s.group);
      float least = least(s.group);
      float most = most(s.group);
      int header = Quantized.header(type, least, most);
      if (type == ElementType.INT4 && (short) header != 0) {
        header = search(search, least, most, header, s);
      }
      Quantized.setHeader(out, group, header);
      float low = Quantized.min(out, group);
      float step = Quantized.scale(out, group);
      float inverse = step > 0 ? 1 / step : 0;
      if (type == ElementType.INT4) {
        nibbles(s.group, low, inverse, out, group + HEADER);
      } else {
        bytes(s.group, low, inverse, out, group + HEADER);
      }
    }
    if (first < width) {
      long rest = Quantized.group(type, row, first);
      Quantized.encode(type, search, x, xr + 4L * first, width - first, out, rest);
    }
  }

  private static void copy(MemorySegment x, long from, float[] group) {
    for (int i = 0; i < GROUP; i += LANES) {
      Lanes.f32(x, from + 4L * i).intoArray(group, i);
    }
  }

  /** The least number of a group, or NaN. */
  private static float least(float[] x) {
    var least = FloatVector.fromArray(F, x, 0);
    for (int i = LANES; i < GROUP; i += LANES) {
      least = least.min(FloatVector.fromArray(F, x, i));
    }
    return least.reduceLanes(VectorOperators.MIN);
  }

  /** The largest number of a group, or NaN. */
  private static float most(float[] x) {
    var most = FloatVector.fromArray(F, x, 0);
    for (int i = LANES; i < GROUP; i += LANES) {
      most = most.max(FloatVector.fromArray(F, x, i));
    }
    return most.reduceLanes(VectorOperators.MAX);
  }

  /** A min that is NaN gives code 0, as the conversion does. */
  private static void bytes(float[] x, float low, float inverse, MemorySegment out, long at) {
    for (int i = 0; i < GROUP; i += LANES) {
      FloatVector.fromArray(F, x, i)
          .sub(low)
          .mul(inverse)
          .add(0.5f)
          .convertShape(VectorOperators.F2I, I, 0)
          .reinterpretAsInts()
          .max(0)
          .min(255)
          .convertShape(VectorOperators.I2B, B, 0)
          .reinterpretAsBytes()
          .intoMemorySegment(out, at + i, LITTLE_ENDIAN);
    }
  }

  private static void nibbles(float[] x, float low, float inverse, MemorySegment out, long at) {
    for (int i = 0; i < GROUP / 2; i += LANES) {
      var upper =
          FloatVector.fromArray(F, x, GROUP / 2 + i)
              .sub(low)
              .mul(inverse)
              .add(0.5f)
              .convertShape(VectorOperators.F2I, I, 0)
              .reinterpretAsInts()
              .max(0)
              .min(15)
              .lanewise(VectorOperators.LSHL, 4);
      FloatVector.fromArray(F, x, i)
          .sub(low)
          .mul(inverse)
          .add(0.5f)
          .convertShape(VectorOperators.F2I, I, 0)
          .reinterpretAsInts()
          .max(0)
          .min(15)
          .or(upper)
          .convertShape(VectorOperators.I2B, B, 0)
          .reinterpretAsBytes()
          .intoMemorySegment(out, at + i, LITTLE_ENDIAN);
    }
  }

  /**
   * As {@link Quantized} searches for 4-bit codes, a line a lane: each of them takes the numbers
   * one after the other, and so gets the same sums.
   */
  private static int search(CodeSearch search, float least, float most, int header, Scratch s) {
    int starts = search.starts();
    for (int i = 0; i < starts; i++) {
      float low = search.low(i, least, most);
      float high = search.high(i, least, most);
      s.lows[i] = low;
      s.steps[i] = (high - low) / 15;
    }
    for (int line = 0; line < starts; line += LANES) {
      boolean moves = true;
      for (int i = 0; i < search.fits() && moves; i++) {
        moves = fit(s.group, s.lows, s.steps, line);
      }
    }
    for (int i = 0; i < starts; i++) { // as they are stored
      s.lows[i] = Float.float16ToFloat(Float.floatToFloat16(s.lows[i]));
      s.steps[i] = Float.float16ToFloat(Float.floatToFloat16(s.steps[i]));
    }
    s.lows[starts] = Float.float16ToFloat((short) (header >> 16));
    s.steps[starts] = Float.float16ToFloat((short) header);
    for (int line = 0; line <= starts; line += LANES) {
      costs(search, s.group, s.lows, s.steps, s.costs, line);
    }
    int best = starts;
    for (int i = 0; i < starts; i++) {
      float low = s.lows[i];
      float step = s.steps[i];
      boolean some = step > 0 && Float.isFinite(step) && Float.isFinite(low);
      if (some && s.costs[i] < s.costs[best]) {
        best = i;
      }
    }
    return Float.floatToFloat16(s.lows[best]) << 16 | Float.floatToFloat16(s.steps[best]) & 0xffff;
  }

  /**
   * Fits each line to the codes it gives; one whose step is none, or that has one code, stays.
   *
   * @return whether one has moved; if not, none ever will
   */
  private static boolean fit(float[] x, float[] lows, float[] steps, int line) {
    var low = FloatVector.fromArray(F, lows, line);
    var step = FloatVector.fromArray(F, steps, line);
    var inverse = FloatVector.broadcast(F, 1f).div(step);
    var codes = FloatVector.zero(F); // whole numbers below 2^24, as the next one
    var squares = FloatVector.zero(F);
    var numbers = FloatVector.zero(F);
    var products = FloatVector.zero(F);
    for (int i = 0; i < GROUP; i++) {
      var above = FloatVector.broadcast(F, x[i]).sub(low);
      var code =
          above
              .mul(inverse)
              .add(0.5f)
              .convertShape(VectorOperators.F2I, I, 0)
              .reinterpretAsInts()
              .max(0)
              .min(15)
              .convertShape(VectorOperators.I2F, F, 0)
              .reinterpretAsFloats();
      codes = codes.add(code);
      squares = code.fma(code, squares);
      numbers = numbers.add(above);
      products = products.add(code.mul(above));
    }
    var spread = squares.mul(GROUP).sub(codes.mul(codes));
    var fitted = products.mul(GROUP).sub(codes.mul(numbers)).div(spread);
    var moved = low.add(numbers.sub(fitted.mul(codes)).div(GROUP));
    var some = step.compare(VectorOperators.GT, 0f).and(spread.compare(VectorOperators.NE, 0f));
    low.blend(moved, some).intoArray(lows, line);
    step.blend(fitted, some).intoArray(steps, line);
    var moves = low.compare(VectorOperators.NE, moved).or(step.compare(VectorOperators.NE, fitted));
    return moves.and(some).anyTrue();
  }

  /** What each line's codes cost. */
  private static void costs(
      CodeSearch search, float[] x, float[] lows, float[] steps, float[] costs, int line) {
    var low = FloatVector.fromArray(F, lows, line);
    var step = FloatVector.fromArray(F, steps, line);
    var inverse = FloatVector.broadcast(F, 1f).div(step);
    boolean squares = search == CodeSearch.QUICK;
    var sum = FloatVector.zero(F);
    for (int i = 0; i < GROUP; i++) {
      var number = FloatVector.broadcast(F, x[i]);
      var code =
          number
              .sub(low)
              .mul(inverse)
              .add(0.5f)
              .convertShape(VectorOperators.F2I, I, 0)
              .reinterpretAsInts()
              .max(0)
              .min(15)
              .convertShape(VectorOperators.I2F, F, 0)
              .reinterpretAsFloats();
      var off = code.fma(step, low).sub(number);
      sum = sum.add(squares ? off.mul(off) : off.abs().mul(off.abs().sqrt()));
    }
    sum.intoArray(costs, line);
  }
}
