package dev.stowage.runtime.disk;

import dev.stowage.plan.KvPages;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.device.HeldPages;
import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.KvSource;
import dev.stowage.runtime.device.KvStore;
import dev.stowage.runtime.device.Partial;
import dev.stowage.runtime.device.RegionAttention;
import dev.stowage.runtime.device.Rows;
import dev.stowage.runtime.kernel.Kernels;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Keys and values in a scratch file: for every slot and layer {@code [token, key or value, head,
 * headDim]}, so that a pass writes, and attention reads, one run of tokens at a time. Attention
 * reads a sequence into the staging buffer and attends there. Of a region that is not there whole,
 * every run begins with a page, and pages are given back when a sequence ends.
 */
final class DiskKvStore implements KvStore, KvSource {
  private static final long F32 = Float.BYTES;

  private final String device;
  private final KvLayout layout;
  private final Path file;
  private final FileChannel channel;
  private final MemorySegment staging;
  private final ByteBuffer stagingBytes;
  private final Kernels kernels;
  private final RegionAttention attention;
  private final long headBytes;
  private final long halfBytes; // all keys, or all values, of one token
  private final long tokenBytes;
  private final long runBytes; // all tokens of one slot and layer
  private final HeldPages held; // null where all is there
  private final FileHoles holes; // likewise
  private boolean closed;

  DiskKvStore(String device, KvLayout layout, Path file, MemorySegment staging, Kernels kernels)
      throws IOException {
    this.device = device;
    this.layout = layout;
    this.file = file;
    this.kernels = kernels;
    this.staging = staging;
    headBytes = layout.type().rowBytes(layout.headDim());
    halfBytes = headBytes * layout.region().heads().size();
    tokenBytes = 2 * halfBytes;
    if (tokenBytes * layout.region().tokens().size() > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "one sequence of one layer takes %d bytes, more than one read can bring"
              .formatted(tokenBytes * layout.region().tokens().size()));
    }
    stagingBytes = staging.asByteBuffer();
    attention = new RegionAttention(layout, kernels, tokenBytes, headBytes);
    runBytes =
        layout
            .pages()
            .map(KvPages::runBytes)
            .orElse(Math.multiplyExact(tokenBytes, (long) layout.region().tokens().size()));
    held = layout.pages().map(pages -> new HeldPages(layout.region(), pages)).orElse(null);
    holes = held == null ? null : FileHoles.of(file);
    channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  /** Positions are written before they are read, and what lies beyond a row's start never is. */
  @Override
  public void clear(int slot) {
    var region = layout.region();
    if (held != null && region.sequences().contains(slot) && held.clear(slot)) {
      try {
        holes.punch(base(region.layers().from(), slot), region.layers().size() * runBytes);
      } catch (IOException e) {
        throw new DeviceException(
            device,
            "cannot give back keys and values in %s: %s".formatted(file, e.getMessage()),
            e);
      }
    }
  }

  @Override
  public long heldBytes() {
    return held == null ? 0 : held.bytes();
  }

  @Override
  public void append(int layer, Rows rows, MemorySegment keys, MemorySegment values) {
    var region = layout.region();
    long stride = (long) layout.kvHeads() * layout.headDim() * F32;
    long headOffset = (long) region.heads().from() * layout.headDim() * F32;
    int row = 0;
    while (row < rows.count()) {
      int end = rows.endOfRun(row);
      if (region.sequences().contains(rows.slot(row))) {
        int from = Math.max(rows.position(row), region.tokens().from());
        int to = Math.min(rows.position(end - 1) + 1, region.tokens().to());
        if (from < to) {
          long source = (row + from - rows.position(row)) * stride + headOffset;
          int tokens = to - from;
          if (held != null) {
            held.store(layer, rows.slot(row), to - region.tokens().from());
          }
          narrow(keys, source, stride, 0, tokens);
          narrow(values, source, stride, halfBytes, tokens);
          write(layer, rows.slot(row), from - region.tokens().from(), tokens);
        }
      }
      row = end;
    }
  }

  /** The region's heads, each a row of its own: groups of quantized numbers end with a head. */
  private void narrow(MemorySegment from, long source, long stride, long target, int tokens) {
    int width = layout.headDim();
    for (int head = 0; head < layout.region().heads().size(); head++) {
      long at = source + head * width * F32;
      long to = target + head * headBytes;
      kernels.narrow(from, at, stride, staging, to, tokenBytes, layout.type(), tokens, width);
    }
  }

  @Override
  public void attend(int layer, Rows rows, MemorySegment queries, Partial into) {
    int row = 0;
    while (row < rows.count()) {
      int end = rows.endOfRun(row);
      int stored = attention.stored(rows, row);
      if (stored == 0) {
        attention.neutral(row, end, into);
      } else {
        read(layer, rows.slot(row), stored);
        attention.attend(rows, row, end, queries, staging, 0, halfBytes, stored, into);
      }
      row = end;
    }
  }

  @Override
  public MemorySegment memory() {
    return staging;
  }

  @Override
  public long bring(int layer, int slot, int tokens) {
    read(layer, slot, tokens);
    return 0;
  }

  @Override
  public long valuesBehind() {
    return halfBytes;
  }

  @Override
  public long tokenStride() {
    return tokenBytes;
  }

  @Override
  public long headStride() {
    return headBytes;
  }

  private void write(int layer, int slot, int token, int tokens) {
    try {
      stagingBytes.limit((int) (tokens * tokenBytes)).position(0);
      long at = base(layer, slot) + token * tokenBytes;
      while (stagingBytes.hasRemaining()) {
        at += channel.write(stagingBytes, at);
      }
    } catch (IOException e) {
      throw new DeviceException(
          device, "cannot write keys and values to %s: %s".formatted(file, e.getMessage()), e);
    }
  }

  private void read(int layer, int slot, int tokens) {
    try {
      stagingBytes.limit((int) (tokens * tokenBytes)).position(0);
      long at = base(layer, slot);
      while (stagingBytes.hasRemaining()) {
        int count = channel.read(stagingBytes, at);
        if (count < 0) {
          throw new DeviceException(
              device, "%s has lost keys and values: it ends at %d".formatted(file, channel.size()));
        }
        at += count;
      }
    } catch (IOException e) {
      throw new DeviceException(
          device, "cannot read keys and values from %s: %s".formatted(file, e.getMessage()), e);
    }
  }

  private long base(int layer, int slot) {
    var region = layout.region();
    long index =
        (long) (slot - region.sequences().from()) * region.layers().size()
            + layer
            - region.layers().from();
    return index * runBytes;
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    try (channel;
        holes) {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new DeviceException(device, "cannot remove " + file + ": " + e.getMessage(), e);
    }
  }
}
