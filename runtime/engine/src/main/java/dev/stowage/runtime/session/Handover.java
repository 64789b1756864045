package dev.stowage.runtime.session;

import dev.stowage.runtime.device.ComputeDevice;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Brings a micro-batch's hidden states from one stage's gpu to the next one's. Nobody waits but the
 * gpus: the next starts when the one before has computed them, and that one writes there again when
 * they have been taken.
 */
final class Handover implements Command {
  private final ComputeDevice from;
  private final ComputeDevice to;
  private final MemorySegment source; // [micro-batch, rows, hidden]
  private final MemorySegment target;
  private final long bytes; // of a micro-batch's part
  private final long rowBytes;
  private final ComputeDevice.Mark[] computed;
  private final ComputeDevice.Mark[] taken;

  Handover(
      ComputeDevice from,
      ComputeDevice to,
      MemorySegment source,
      MemorySegment target,
      int microBatches,
      long rowBytes) {
    this.from = from;
    this.to = to;
    this.source = source;
    this.target = target;
    bytes = source.byteSize() / microBatches;
    this.rowBytes = rowBytes;
    computed = new ComputeDevice.Mark[microBatches];
    taken = new ComputeDevice.Mark[microBatches];
    Arrays.setAll(computed, _ -> from.mark());
    Arrays.setAll(taken, _ -> to.mark());
  }

  @Override
  public void run(Pass pass) {
    int part = pass.microBatch;
    computed[part].set();
    to.startAfter(computed[part]);
    to.receiveLater(from, source, part * bytes, target, part * bytes, pass.rows.count() * rowBytes);
    taken[part].set();
  }

  /** The stage before may write a micro-batch's hidden states again. */
  void awaitTaken(Pass pass) {
    from.startAfter(taken[pass.microBatch]);
  }
}
