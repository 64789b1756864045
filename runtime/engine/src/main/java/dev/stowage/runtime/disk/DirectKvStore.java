package dev.stowage.runtime.disk;

import dev.stowage.plan.Footprint;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.device.HeldPages;
import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.KvSource;
import dev.stowage.runtime.device.KvStore;
import dev.stowage.runtime.device.Partial;
import dev.stowage.runtime.device.RegionAttention;
import dev.stowage.runtime.device.Rows;
import dev.stowage.runtime.kernel.Kernels;
import dev.stowage.runtime.storage.StoredFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Keys and values in a scratch file, past the page cache and beside the compute lane: what long
 * sequences want, of which one layer fills many pages.
 *
 * <p>The file holds, for every slot and layer, {@code [token, key or value, head, headDim]} from a
 * page's start on. Pages are written when they are full; what does not fill one waits in memory. Of
 * a region that is not there whole, pages are given back when a sequence ends.
 *
 * <pre>
 *   file   │ page │ page │      of one layer and slot
 *   tail                  ▒▒▒   tokens that do not fill a page yet
 *   write  two places: one is filled while the other is written
 *   read   two places, each for a whole sequence of one layer: attention works on one while the
 *          other is filled, with the next sequence of the pass or the first of the next pass
 * </pre>
 */
final class DirectKvStore implements KvStore, KvSource {
  private static final long F32 = Float.BYTES;
  private static final long PAGE = Footprint.PAGE_BYTES;

  private final String device;
  private final KvLayout layout;
  private final Path path;
  private final StoredFile file;
  private final Kernels kernels;
  private final RegionAttention attention;
  private final long headBytes;
  private final long halfBytes; // all keys, or all values, of one token
  private final long tokenBytes;
  private final long slotBytes;
  private final MemorySegment staging;
  private final MemorySegment tails;
  private final Transfer[] reads = new Transfer[2];
  private final Transfer[] writes = new Transfer[2];
  private final int[] heldIndex = {-1, -1}; // whose tokens a place for reading gets
  private final int[] heldTokens = new int[2];
  private final long[] written; // bytes in the file, of every layer and slot
  private final int[] waiting; // bytes in its tail
  private final HeldPages held; // null where all of the region is there
  private final FileHoles holes; // likewise
  private int reading; // the place that the next sequence is read to
  private int writing;
  private boolean closed;

  /**
   * @param path a file that is made, and goes with the store
   * @param staging {@link Footprint#stagingBytes}
   */
  DirectKvStore(String device, KvLayout layout, Path path, MemorySegment staging, Kernels kernels)
      throws IOException {
    this.device = device;
    this.layout = layout;
    this.path = path;
    this.kernels = kernels;
    this.staging = staging;
    var region = layout.region();
    headBytes = layout.type().rowBytes(layout.headDim());
    halfBytes = headBytes * region.heads().size();
    tokenBytes = 2 * halfBytes;
    slotBytes = Footprint.wholePages(tokenBytes * region.tokens().size());
    if (slotBytes > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "one sequence of one layer takes %d bytes, more than one read can bring"
              .formatted(slotBytes));
    }
    attention = new RegionAttention(layout, kernels, tokenBytes, headBytes);
    int slots = region.layers().size() * region.sequences().size();
    written = new long[slots];
    waiting = new int[slots];
    long writeBytes = Footprint.kvWriteBytes(tokenBytes);
    tails = staging.asSlice(2 * slotBytes + 2 * writeBytes, slots * PAGE);
    file = StoredFile.openForWriting(path);
    held = layout.pages().map(pages -> new HeldPages(region, pages)).orElse(null);
    holes = held == null ? null : holes();
    for (int i = 0; i < 2; i++) {
      var read = staging.asSlice(i * slotBytes, slotBytes);
      var write = staging.asSlice(2 * slotBytes + i * writeBytes, writeBytes);
      reads[i] = new Transfer(region.name() + "-read-" + i, file, read, false);
      writes[i] = new Transfer(region.name() + "-write-" + i, file, write, true);
    }
  }

  private FileHoles holes() throws IOException {
    try {
      return FileHoles.of(path);
    } catch (IOException e) {
      file.close();
      throw e;
    }
  }

  @Override
  public void clear(int slot) {
    Arrays.fill(heldIndex, -1); // a new sequence may be as long as what was read ahead
    var region = layout.region();
    if (held != null && region.sequences().contains(slot) && held.clear(slot)) {
      for (int i = 0; i < 2; i++) {
        await(writes[i], "write");
        await(reads[i], "read");
      }
      long first = index(region.layers().from(), slot);
      try {
        holes.punch(first * slotBytes, region.layers().size() * slotBytes);
      } catch (IOException e) {
        throw new DeviceException(
            device,
            "cannot give back keys and values in %s: %s".formatted(path, e.getMessage()),
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
          int index = index(layer, rows.slot(row));
          if (held != null) {
            held.store(layer, rows.slot(row), to - region.tokens().from());
          }
          begin(index, (from - region.tokens().from()) * tokenBytes);
          append(index, keys, values, source, stride, to - from);
        }
      }
      row = end;
    }
  }

  private void begin(int index, long at) {
    if (at == 0) {
      written[index] = 0;
      waiting[index] = 0;
    } else if (at != written[index] + waiting[index]) {
      throw new IllegalStateException(
          "keys and values at byte %d follow %d".formatted(at, written[index] + waiting[index]));
    }
  }

  /** What waits and what follows it goes to the disk as far as it fills pages. */
  private void append(
      int index, MemorySegment keys, MemorySegment values, long from, long stride, int tokens) {
    long source = from;
    int left = tokens;
    while (left > 0) {
      var write = writes[writing];
      await(write, "write");
      var room = write.memory();
      int tail = waiting[index];
      int count = (int) Math.min(left, (room.byteSize() - tail) / tokenBytes);
      MemorySegment.copy(tails, index * PAGE, room, 0, tail);
      narrow(keys, source, stride, room, tail, count);
      narrow(values, source, stride, room, tail + halfBytes, count);
      long bytes = tail + count * tokenBytes;
      long whole = bytes / PAGE * PAGE;
      MemorySegment.copy(room, whole, tails, index * PAGE, bytes - whole);
      if (whole > 0) {
        write.begin(index * slotBytes + written[index], whole);
        writing ^= 1;
      }
      written[index] += whole;
      waiting[index] = (int) (bytes - whole);
      source += count * stride;
      left -= count;
    }
  }

  /** The region's heads, each a row of its own: groups of quantized numbers end with a head. */
  private void narrow(
      MemorySegment from, long source, long stride, MemorySegment to, long target, int tokens) {
    int width = layout.headDim();
    for (int head = 0; head < layout.region().heads().size(); head++) {
      kernels.narrow(
          from,
          source + head * width * F32,
          stride,
          to,
          target + head * headBytes,
          tokenBytes,
          layout.type(),
          tokens,
          width);
    }
  }

  @Override
  public void expect(int layer, Rows rows) {
    if (!layout.region().layers().contains(layer)) {
      return;
    }
    int row = nextStored(rows, 0);
    for (int ahead = 0; ahead < 2 && row < rows.count(); ahead++) {
      hold(reading ^ ahead, layer, rows, row);
      row = nextStored(rows, rows.endOfRun(row));
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
        int place = reading;
        hold(place, layer, rows, row);
        reading ^= 1;
        int next = nextStored(rows, end);
        if (next < rows.count()) {
          hold(reading, layer, rows, next);
        }
        await(reads[place], "read");
        attention.attend(
            rows, row, end, queries, reads[place].memory(), 0, halfBytes, stored, into);
        heldIndex[place] = -1;
      }
      row = end;
    }
  }

  /** The first row from there on of a sequence that has tokens in the region. */
  private int nextStored(Rows rows, int from) {
    int row = from;
    while (row < rows.count() && attention.stored(rows, row) == 0) {
      row = rows.endOfRun(row);
    }
    return row;
  }

  /** Sees to it that a sequence's stored tokens are on their way to a place. */
  private void hold(int place, int layer, Rows rows, int row) {
    hold(place, index(layer, rows.slot(row)), attention.stored(rows, row));
  }

  private void hold(int place, int index, int stored) {
    if (heldIndex[place] == index && heldTokens[place] == stored) {
      return;
    }
    for (var write : writes) {
      await(write, "write");
    }
    var read = reads[place];
    await(read, "read");
    long bytes = stored * tokenBytes;
    long fromFile = Math.min(Footprint.wholePages(bytes), written[index]);
    if (fromFile < bytes) {
      MemorySegment.copy(tails, index * PAGE, read.memory(), fromFile, bytes - fromFile);
    }
    if (fromFile > 0) {
      read.begin(index * slotBytes, fromFile);
    }
    heldIndex[place] = index;
    heldTokens[place] = stored;
  }

  @Override
  public MemorySegment memory() {
    return staging;
  }

  @Override
  public long bring(int layer, int slot, int tokens) {
    int place = reading;
    hold(place, index(layer, slot), tokens);
    reading ^= 1;
    await(reads[place], "read");
    heldIndex[place] = -1;
    return place * slotBytes;
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

  private void await(Transfer transfer, String verb) {
    try {
      transfer.await();
    } catch (IOException e) {
      throw new DeviceException(
          device, "cannot %s keys and values in %s: %s".formatted(verb, path, e.getMessage()), e);
    }
  }

  private int index(int layer, int slot) {
    var region = layout.region();
    return (slot - region.sequences().from()) * region.layers().size()
        + layer
        - region.layers().from();
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    for (int i = 0; i < 2; i++) {
      reads[i].close();
      writes[i].close();
    }
    try (file;
        holes) {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      throw new DeviceException(device, "cannot remove " + path + ": " + e.getMessage(), e);
    }
  }
}
