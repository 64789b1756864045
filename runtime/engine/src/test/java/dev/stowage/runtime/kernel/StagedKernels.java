package dev.stowage.runtime.kernel;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.device.ComputeDevice;
import java.lang.foreign.MemorySegment;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongConsumer;

/**
 * A device's kernels on host memory: every call brings all its segments to the device, runs there,
 * and brings them back, so that tests of kernels need not know where they run.
 */
public final class StagedKernels implements Kernels {
  private final ComputeDevice compute;
  private final Kernels kernels;
  private static final long PAGE = 4096;
  private static final long ALIGNED = 16;

  private final MemorySegment room; // all segments of a call, one after the other
  private final LongConsumer guard;

  /** Kernels whose calls take operands of so many bytes in all. */
  public StagedKernels(ComputeDevice compute, long bytes) {
    this(compute, bytes, page -> {});
  }

  /**
   * Likewise, where memory behind an operand may be put out of reach.
   *
   * @param guard takes the address of a page that nobody may touch, or 0 when all may be touched
   */
  public StagedKernels(ComputeDevice compute, long bytes, LongConsumer guard) {
    this.compute = compute;
    this.guard = guard;
    kernels = compute.kernels();
    room = compute.allocate("room", bytes);
  }

  /** The segments of one call, and where they are on the device. */
  private final class Call {
    private final Map<MemorySegment, MemorySegment> places = new IdentityHashMap<>();
    private long used;

    MemorySegment in(MemorySegment host) {
      return host == null ? null : places.computeIfAbsent(host, this::bring);
    }

    private MemorySegment bring(MemorySegment host) {
      long end = (room.address() + used + host.byteSize() + PAGE - 1) / PAGE * PAGE;
      long at = (end - host.byteSize()) / ALIGNED * ALIGNED - room.address();
      var device = room.asSlice(at, host.byteSize());
      used = end + PAGE - room.address();
      compute.write(host, device);
      guard.accept(end);
      return device;
    }

    RopeTable in(RopeTable table) {
      return table.at(in(table.cosines()), in(table.sines()));
    }
  }

  private void run(Consumer<Call> operation) {
    var call = new Call();
    try {
      operation.accept(call);
      call.places.forEach(
          (host, device) -> {
            if (!host.isReadOnly()) {
              compute.read(device, host);
            }
          });
    } finally {
      guard.accept(0);
    }
  }

  @Override
  public String description() {
    return kernels.description();
  }

  @Override
  public void matmul(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment w,
      long wOffset,
      ElementType type,
      MemorySegment bias,
      long biasOffset,
      MemorySegment out,
      long outOffset,
      long outStride,
      int rows,
      int k,
      int from,
      int to) {
    run(
        call ->
            kernels.matmul(
                call.in(x),
                xOffset,
                xStride,
                call.in(w),
                wOffset,
                type,
                call.in(bias),
                biasOffset,
                call.in(out),
                outOffset,
                outStride,
                rows,
                k,
                from,
                to));
  }

  @Override
  public void embed(
      MemorySegment table,
      long tableOffset,
      ElementType type,
      int tableRows,
      int[] ids,
      int first,
      MemorySegment out,
      long outOffset,
      long outStride,
      int rows,
      int width) {
    run(
        call ->
            kernels.embed(
                call.in(table),
                tableOffset,
                type,
                tableRows,
                ids,
                first,
                call.in(out),
                outOffset,
                outStride,
                rows,
                width));
  }

  @Override
  public void embedAdd(
      MemorySegment table,
      long tableOffset,
      ElementType type,
      int tableRows,
      int[] ids,
      int first,
      MemorySegment out,
      long outOffset,
      long outStride,
      int rows,
      int width) {
    run(
        call ->
            kernels.embedAdd(
                call.in(table),
                tableOffset,
                type,
                tableRows,
                ids,
                first,
                call.in(out),
                outOffset,
                outStride,
                rows,
                width));
  }

  @Override
  public void layerNorm(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment weight,
      long weightOffset,
      MemorySegment bias,
      long biasOffset,
      float eps,
      MemorySegment out,
      long outOffset,
      long outStride,
      int rows,
      int width) {
    run(
        call ->
            kernels.layerNorm(
                call.in(x),
                xOffset,
                xStride,
                call.in(weight),
                weightOffset,
                call.in(bias),
                biasOffset,
                eps,
                call.in(out),
                outOffset,
                outStride,
                rows,
                width));
  }

  @Override
  public void rmsNorm(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment weight,
      long weightOffset,
      float eps,
      MemorySegment out,
      long outOffset,
      long outStride,
      int rows,
      int groups,
      int width) {
    run(
        call ->
            kernels.rmsNorm(
                call.in(x),
                xOffset,
                xStride,
                call.in(weight),
                weightOffset,
                eps,
                call.in(out),
                outOffset,
                outStride,
                rows,
                groups,
                width));
  }

  @Override
  public void add(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment y,
      long yOffset,
      long yStride,
      int rows,
      int width) {
    run(
        call ->
            kernels.add(call.in(x), xOffset, xStride, call.in(y), yOffset, yStride, rows, width));
  }

  @Override
  public void addBias(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment bias,
      long biasOffset,
      int rows,
      int width) {
    run(
        call ->
            kernels.addBias(call.in(x), xOffset, xStride, call.in(bias), biasOffset, rows, width));
  }

  @Override
  public void relu(MemorySegment x, long xOffset, long xStride, int rows, int width) {
    run(call -> kernels.relu(call.in(x), xOffset, xStride, rows, width));
  }

  @Override
  public void geluTanh(MemorySegment x, long xOffset, long xStride, int rows, int width) {
    run(call -> kernels.geluTanh(call.in(x), xOffset, xStride, rows, width));
  }

  @Override
  public void geluErf(MemorySegment x, long xOffset, long xStride, int rows, int width) {
    run(call -> kernels.geluErf(call.in(x), xOffset, xStride, rows, width));
  }

  @Override
  public void siluMultiply(
      MemorySegment gate,
      long gateOffset,
      long gateStride,
      MemorySegment up,
      long upOffset,
      long upStride,
      int rows,
      int width) {
    run(
        call ->
            kernels.siluMultiply(
                call.in(gate),
                gateOffset,
                gateStride,
                call.in(up),
                upOffset,
                upStride,
                rows,
                width));
  }

  @Override
  public void rope(
      MemorySegment x,
      long xOffset,
      long xStride,
      RopeTable table,
      int[] positions,
      int first,
      int rows,
      int heads,
      int headDim) {
    run(
        call ->
            kernels.rope(
                call.in(x),
                xOffset,
                xStride,
                call.in(table),
                positions,
                first,
                rows,
                heads,
                headDim));
  }

  @Override
  public void narrow(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment out,
      long outOffset,
      long outStride,
      ElementType type,
      int rows,
      int width) {
    run(
        call ->
            kernels.narrow(
                call.in(x),
                xOffset,
                xStride,
                call.in(out),
                outOffset,
                outStride,
                type,
                rows,
                width));
  }

  @Override
  public void widen(
      MemorySegment x,
      long xOffset,
      long xStride,
      ElementType type,
      MemorySegment out,
      long outOffset,
      long outStride,
      int rows,
      int width) {
    run(
        call ->
            kernels.widen(
                call.in(x),
                xOffset,
                xStride,
                type,
                call.in(out),
                outOffset,
                outStride,
                rows,
                width));
  }

  @Override
  public void attention(
      MemorySegment q,
      long qOffset,
      long qStride,
      MemorySegment k,
      long kOffset,
      MemorySegment v,
      long vOffset,
      ElementType type,
      long tokenStride,
      long headStride,
      int[] lengths,
      int first,
      float scale,
      MemorySegment o,
      long oOffset,
      long oStride,
      MemorySegment state,
      long stateOffset,
      int rows,
      int heads,
      int kvHeads,
      int kvFrom,
      int kvTo,
      int headDim) {
    run(
        call ->
            kernels.attention(
                call.in(q),
                qOffset,
                qStride,
                call.in(k),
                kOffset,
                call.in(v),
                vOffset,
                type,
                tokenStride,
                headStride,
                lengths,
                first,
                scale,
                call.in(o),
                oOffset,
                oStride,
                call.in(state),
                stateOffset,
                rows,
                heads,
                kvHeads,
                kvFrom,
                kvTo,
                headDim));
  }

  @Override
  public void mergeAttention(
      MemorySegment o,
      long oOffset,
      long oStride,
      MemorySegment state,
      long stateOffset,
      MemorySegment otherO,
      long otherOOffset,
      long otherOStride,
      MemorySegment otherState,
      long otherStateOffset,
      int rows,
      int heads,
      int headFrom,
      int headTo,
      int headDim) {
    run(
        call ->
            kernels.mergeAttention(
                call.in(o),
                oOffset,
                oStride,
                call.in(state),
                stateOffset,
                call.in(otherO),
                otherOOffset,
                otherOStride,
                call.in(otherState),
                otherStateOffset,
                rows,
                heads,
                headFrom,
                headTo,
                headDim));
  }

  @Override
  public void finishAttention(
      MemorySegment o,
      long oOffset,
      long oStride,
      MemorySegment state,
      long stateOffset,
      int rows,
      int heads,
      int headDim) {
    run(
        call ->
            kernels.finishAttention(
                call.in(o), oOffset, oStride, call.in(state), stateOffset, rows, heads, headDim));
  }
}
