package dev.stowage.csd.emulator;

import static dev.stowage.csd.command.Wire.F32;
import static dev.stowage.csd.command.Wire.U32;

import dev.stowage.csd.command.RegionConfig;
import dev.stowage.csd.ftl.KvFlash;
import dev.stowage.csd.kernel.PageAttention;
import dev.stowage.csd.kernel.ScalarPageAttention;
import dev.stowage.csd.kernel.vector.VectorPageAttention;
import dev.stowage.plan.ElementType;
import dev.stowage.runtime.sparse.SparseAttention;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;

/**
 * Attends over one region: walks the token groups of every KV head once for all rows of a sequence,
 * and all query heads that share the KV head, keeping one partial result for each.
 */
final class AttentionEngine {
  private static final String VECTOR_MODULE = "jdk.incubator.vector";

  private final PageAttention kernel;
  private final RegionConfig config;
  private final KvFlash flash;
  private final MemorySegment shared;
  private final float[] keys;
  private final float[] values;
  private final float[] scores;
  private final float[] q;
  private final float[] o;
  private final float[] state;
  private final Optional<SparseAttention> sparse;
  private final FlashHead flashHead;
  private final long engineRowBytes; // what a row counts: unpacked, where it is quantized
  private double engineBytes;
  private long sparsePages;
  private long sparsePagesDense;

  AttentionEngine(RegionConfig config, KvFlash flash, MemorySegment shared) {
    kernel = kernel();
    this.config = config;
    this.flash = flash;
    this.shared = shared;
    int width = config.shape().headDim();
    var type = config.shape().type();
    engineRowBytes = (type.quantized() ? ElementType.F16 : type).rowBytes(width);
    int states = Math.multiplyExact(config.rows(), config.groupSize());
    keys = new float[Math.multiplyExact(flash.groups().tokens(), width)];
    values = new float[keys.length];
    scores = new float[flash.groups().tokens()];
    q = new float[Math.multiplyExact(states, width)];
    o = new float[q.length];
    state = new float[Math.multiplyExact(states, 2)];
    sparse =
        config
            .sparsity()
            .map(
                s ->
                    new SparseAttention(
                        s, width, config.groupSize(), config.shape().tokens(), config.scale()));
    flashHead = sparse.isPresent() ? new FlashHead(flash) : null;
  }

  private static PageAttention kernel() {
    return ModuleLayer.boot().findModule(VECTOR_MODULE).isPresent()
        ? new VectorPageAttention()
        : new ScalarPageAttention();
  }

  /**
   * Attends with rows whose ranges were checked; returns the bytes of keys and values that went
   * through the engine.
   */
  double attend(int layer, int count, long in, long out) {
    engineBytes = 0;
    sparsePages = 0;
    sparsePagesDense = 0;
    for (int row = 0; row < count; ) {
      int end = row + 1;
      boolean part = part(in, row) > 0 && from(in, row) < to(in, row);
      while (!part && end < count && slot(in, end) == slot(in, row) && part(in, end) == 0) {
        end++;
      }
      for (int head = 0; head < config.shape().heads(); head++) {
        if (part) {
          attendPart(layer, head, row, in);
        } else {
          attendRun(layer, head, row, end, in);
        }
        store(head, row, end, out);
      }
      row = end;
    }
    return engineBytes;
  }

  private void attendRun(int layer, int head, int first, int end, long in) {
    int group = config.groupSize();
    int width = config.shape().headDim();
    int states = (end - first) * group;
    Arrays.fill(o, 0, states * width, 0);
    for (int i = 0; i < states; i++) {
      state[2 * i] = Float.NEGATIVE_INFINITY;
      state[2 * i + 1] = 0;
    }
    int from = Integer.MAX_VALUE;
    int to = 0;
    for (int row = first; row < end; row++) {
      long queries = in + row * config.queryBytes() + 16 + 4L * head * group * width;
      MemorySegment.copy(shared, F32, queries, q, (row - first) * group * width, group * width);
      if (from(in, row) < to(in, row)) {
        from = Math.min(from, from(in, row));
        to = Math.max(to, to(in, row));
      }
    }
    int tokens = flash.groups().tokens();
    int slot = slot(in, first);
    for (int g = from / tokens; (long) g * tokens < to; g++) {
      int base = g * tokens;
      int lowest = Math.max(from - base, 0);
      int highest = Math.min(to - base, tokens);
      flash.load(slot, layer, head, 0, g, lowest, highest, keys);
      flash.load(slot, layer, head, 1, g, lowest, highest, values);
      for (int row = first; row < end; row++) {
        int a = Math.max(from(in, row) - base, 0);
        int b = Math.min(to(in, row) - base, tokens);
        if (a < b) {
          addGroup((row - first) * group, a, b);
        }
      }
    }
  }

  private void attendPart(int layer, int head, int row, long in) {
    int group = config.groupSize();
    int width = config.shape().headDim();
    long queries = in + row * config.queryBytes() + 16 + 4L * head * group * width;
    MemorySegment.copy(shared, F32, queries, q, 0, group * width);
    int stored = to(in, row);
    flashHead.begin(slot(in, row), layer, head);
    var attention = sparse.orElseThrow();
    attention.attend(flashHead, stored, part(in, row) - 1, q, 0, o, 0, state, 0);
    sparsePages += flashHead.pagesRead();
    sparsePagesDense += flash.groupPages(slot(in, row), layer);
    int chosen = attention.chosen();
    double choosing =
        chosen == stored ? 0 : (double) stored * config.sparsity().orElseThrow().channels();
    engineBytes += group * config.shape().type().bytes() * (choosing + 2.0 * chosen * width);
  }

  /** Pages that rows which read a part have read, in the last call. */
  long sparsePages() {
    return sparsePages;
  }

  /** Pages that those rows would have read if they had read all tokens. */
  long sparsePagesDense() {
    return sparsePagesDense;
  }

  private void addGroup(int firstState, int from, int to) {
    int width = config.shape().headDim();
    for (int i = firstState; i < firstState + config.groupSize(); i++) {
      kernel.add(
          q,
          i * width,
          keys,
          values,
          from,
          to,
          width,
          config.scale(),
          scores,
          o,
          i * width,
          state,
          2 * i);
    }
    engineBytes += 2.0 * (to - from) * engineRowBytes * config.groupSize();
  }

  private void store(int head, int first, int end, long out) {
    int group = config.groupSize();
    int width = config.shape().headDim();
    for (int row = first; row < end; row++) {
      int i = (row - first) * group;
      long at = out + row * config.partialBytes();
      long states = at + 4L * config.queryHeads() * width;
      MemorySegment.copy(o, i * width, shared, F32, at + 4L * head * group * width, group * width);
      MemorySegment.copy(state, 2 * i, shared, F32, states + 8L * head * group, 2 * group);
    }
  }

  private int part(long in, int row) {
    return shared.get(U32, in + row * config.queryBytes() + 12);
  }

  private int slot(long in, int row) {
    return shared.get(U32, in + row * config.queryBytes());
  }

  private int from(long in, int row) {
    return shared.get(U32, in + row * config.queryBytes() + 4);
  }

  private int to(long in, int row) {
    return shared.get(U32, in + row * config.queryBytes() + 8);
  }
}
