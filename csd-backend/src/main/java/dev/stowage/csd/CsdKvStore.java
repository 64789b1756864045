package dev.stowage.csd;

import static dev.stowage.csd.command.Wire.F32;
import static dev.stowage.csd.command.Wire.U16;
import static dev.stowage.csd.command.Wire.U32;

import dev.stowage.csd.command.Command;
import dev.stowage.csd.command.Opcode;
import dev.stowage.csd.command.RegionConfig;
import dev.stowage.csd.ftl.KvShape;
import dev.stowage.plan.KvRegion;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.KvStore;
import dev.stowage.runtime.device.Partial;
import dev.stowage.runtime.device.Rows;
import dev.stowage.runtime.kernel.CodeSearch;
import dev.stowage.runtime.kernel.Elements;
import dev.stowage.runtime.kernel.Quantized;
import java.lang.foreign.MemorySegment;

/**
 * A KV region on a drive: turns appending into APPEND with the rows' keys and values of the
 * region's heads, in the stored type, and attention into ATTEND with the rows' queries of those
 * heads. Rows that the region holds nothing for do not go to the drive. Calls with more rows than
 * the shared memory takes become several commands.
 */
final class CsdKvStore implements KvStore {
  private final CsdDrive drive;
  private final KvLayout layout;
  private final KvRegion region;
  private final int id;
  private final Runnable onClose;
  private final RegionConfig config;
  private final String appending;
  private final String attending;
  private final int[] sent;
  private boolean closed;

  CsdKvStore(CsdDrive drive, KvLayout layout, int id, Runnable onClose) {
    this.drive = drive;
    this.layout = layout;
    this.id = id;
    this.onClose = onClose;
    region = layout.region();
    appending = "append to KV region " + region.name();
    attending = "attend over KV region " + region.name();
    String opening = "KV region " + region.name();
    try {
      var shape =
          new KvShape(
              region.sequences().size(),
              region.layers().size(),
              region.heads().size(),
              region.tokens().size(),
              layout.headDim(),
              layout.type());
      long perRow = RegionConfig.sharedBytes(shape, layout.groupSize(), 1);
      long rows = Math.clamp(drive.identity().sharedBytes() / perRow, 1, layout.rowsPerPass());
      config =
          new RegionConfig(
              shape,
              layout.groupSize(),
              (int) rows,
              layout.scale(),
              region.sparsity(),
              layout.writeBack());
    } catch (IllegalArgumentException e) {
      throw new DeviceException(drive.device(), opening + ": " + e.getMessage(), e);
    }
    sent = new int[config.rows()];
    drive.configure(id, config, opening);
  }

  @Override
  public void clear(int slot) {
    if (!region.sequences().contains(slot)) {
      return;
    }
    synchronized (drive) {
      drive.submit(
          drive
              .command(Opcode.RECLAIM)
              .region(id)
              .address(slot - region.sequences().from(), 0, 0, 0)
              .count(1),
          "clear a slot");
    }
  }

  @Override
  public void append(int layer, Rows rows, MemorySegment keys, MemorySegment values) {
    if (!region.layers().contains(layer)) {
      return;
    }
    synchronized (drive) {
      int count = 0;
      for (int row = 0; row < rows.count(); row++) {
        if (region.sequences().contains(rows.slot(row))
            && region.tokens().contains(rows.position(row))) {
          putToken(count, rows, row, keys, values);
          count++;
          if (count == config.rows()) {
            submitAppend(layer, count);
            count = 0;
          }
        }
      }
      submitAppend(layer, count);
    }
  }

  private void putToken(int at, Rows rows, int row, MemorySegment keys, MemorySegment values) {
    var shared = drive.shared();
    long to = at * config.appendBytes();
    shared.set(U32, to, rows.slot(row) - region.sequences().from());
    shared.set(U32, to + 4, rows.position(row) - region.tokens().from());
    int width = layout.headDim();
    long from = 4L * ((long) row * layout.kvHeads() + region.heads().from()) * width;
    long rowBytes = layout.type().rowBytes(width);
    for (int head = 0; head < region.heads().size(); head++) {
      long source = from + 4L * head * width;
      long target = to + 8 + head * rowBytes;
      narrow(keys, source, shared, target, width);
      narrow(values, source, shared, target + region.heads().size() * rowBytes, width);
    }
  }

  /** Rounds one head of one token to the stored type, single numbers with ties to even. */
  private void narrow(MemorySegment from, long at, MemorySegment to, long toAt, int count) {
    switch (layout.type()) {
      case F32 -> MemorySegment.copy(from, F32, at, to, F32, toAt, count);
      case F16 -> {
        for (int i = 0; i < count; i++) {
          to.set(U16, toAt + 2L * i, Float.floatToFloat16(from.get(F32, at + 4L * i)));
        }
      }
      case BF16 -> {
        for (int i = 0; i < count; i++) {
          to.set(U16, toAt + 2L * i, Elements.floatToBf16(from.get(F32, at + 4L * i)));
        }
      }
      case INT8, INT4 ->
          Quantized.encode(layout.type(), CodeSearch.QUICK, from, at, count, to, toAt);
      case Q8_0, Q4_0, Q4_K, Q6_K -> throw layout.type().notSingle();
    }
  }

  private void submitAppend(int layer, int count) {
    if (count > 0) {
      drive.submit(
          drive
              .command(Opcode.APPEND)
              .region(id)
              .address(0, layer - region.layers().from(), 0, 0)
              .count(count)
              .in(0, count * config.appendBytes()),
          appending);
    }
  }

  @Override
  public void attend(int layer, Rows rows, MemorySegment queries, Partial into) {
    boolean ours = region.layers().contains(layer);
    synchronized (drive) {
      int count = 0;
      for (int row = 0; row < rows.count(); row++) {
        setNeutral(row, into);
        int from = firstToken(rows, row);
        int to = lastToken(rows, row);
        if (ours && region.sequences().contains(rows.slot(row)) && from < to) {
          putQuery(count, rows, row, from, to, queries);
          sent[count] = row;
          count++;
          if (count == config.rows()) {
            submitAttend(layer, count, into);
            count = 0;
          }
        }
      }
      submitAttend(layer, count, into);
    }
  }

  private int firstToken(Rows rows, int row) {
    int seen = Math.max(0, rows.position(row) - layout.window() + 1);
    return Math.max(seen, region.tokens().from()) - region.tokens().from();
  }

  private int lastToken(Rows rows, int row) {
    return Math.min(rows.start(row), region.tokens().to()) - region.tokens().from();
  }

  private void setNeutral(int row, Partial into) {
    long first = 8L * row * layout.heads();
    for (int head = 0; head < layout.heads(); head++) {
      into.state().set(F32, first + 8L * head, Float.NEGATIVE_INFINITY);
      into.state().set(F32, first + 8L * head + 4, 0);
    }
  }

  private void putQuery(int at, Rows rows, int row, int from, int to, MemorySegment queries) {
    var shared = drive.shared();
    long record = at * config.queryBytes();
    shared.set(U32, record, rows.slot(row) - region.sequences().from());
    shared.set(U32, record + 4, from);
    shared.set(U32, record + 8, to);
    shared.set(U32, record + 12, part(rows, row, to));
    int numbers = config.queryHeads() * layout.headDim();
    MemorySegment.copy(
        queries, F32, queryStart(row) * layout.headDim(), shared, F32, record + 16, numbers);
  }

  /** What a row asks for: all tokens, or some, and how many newer ones there are. */
  private int part(Rows rows, int row, int to) {
    return region.sparsity().isPresent() && rows.continues(row)
        ? 1 + rows.position(row) - region.tokens().from() - to
        : 0;
  }

  /** Offset of a row's first query head of the region, as if heads were one number wide. */
  private long queryStart(int row) {
    return 4L * ((long) row * layout.heads() + (long) region.heads().from() * layout.groupSize());
  }

  private void submitAttend(int layer, int count, Partial into) {
    if (count == 0) {
      return;
    }
    long answers = count * config.queryBytes();
    drive.submit(
        drive
            .command(Opcode.ATTEND)
            .region(id)
            .address(0, layer - region.layers().from(), 0, 0)
            .count(count)
            .in(0, answers)
            .out(answers, count * config.partialBytes()),
        attending);
    int heads = config.queryHeads();
    int numbers = heads * layout.headDim();
    for (int i = 0; i < count; i++) {
      long from = answers + i * config.partialBytes();
      long to = queryStart(sent[i]);
      var shared = drive.shared();
      MemorySegment.copy(shared, F32, from, into.o(), F32, to * layout.headDim(), numbers);
      MemorySegment.copy(shared, F32, from + 4L * numbers, into.state(), F32, 2 * to, 2 * heads);
    }
  }

  /** Frees the region on the drive. */
  @Override
  public void close() {
    synchronized (drive) {
      if (closed) {
        return;
      }
      closed = true;
      drive.submit(
          drive.command(Opcode.RECLAIM).region(id).flags(Command.FLAG),
          "close KV region " + region.name());
    }
    onClose.run();
  }
}
