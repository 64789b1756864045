package dev.stowage.csd.ftl;

import dev.stowage.plan.DriveMemory;
import dev.stowage.plan.SparseReads;
import dev.stowage.plan.TokenGroups;
import dev.stowage.runtime.kernel.Quantized;
import dev.stowage.runtime.sparse.StoredNumbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Keys and values of one region in a drive: full token groups on flash, the tokens after them in
 * the drive's DRAM, of which the region takes a fixed amount when it opens. They are programmed
 * when the DRAM holds as many as the region gathers: some whole groups of them (delayed
 * write-back).
 *
 * <p>Where attention is sparse, keys lie on flash a second time, by channel: a page holds {@code m}
 * channels of {@code c} tokens. Once a sequence has another {@code c} tokens, their keys are read
 * again, from flash or DRAM, and turned: no DRAM waits for them. The sum of all values is kept in
 * DRAM.
 *
 * <pre>
 * logical page   ((((slot · layers + layer) · heads + head) · groups + group) · 2 + kind) · pages + page     kind: 0 K, 1 V
 * then           (((slot · layers + layer) · heads + head) · columns + column) · headDim / m + channel / m
 * channel page   [m channels, c tokens]
 * DRAM           [slots, layers, heads, kind, tokens gathered, headDim], [slots, layers, heads, headDim] F32 sums
 * </pre>
 */
public final class KvFlash implements AutoCloseable {
  private static final ValueLayout.OfFloat F32 =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort BITS =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final int region;
  private final KvShape shape;
  private final FlashTranslation translation;
  private final MemorySegment register;
  private final TokenGroups groups;
  private final int channels;
  private final int pageNumbers; // 0 where numbers are quantized: pages cut their rows anywhere
  private final int pageBytes; // that are used
  private final MemorySegment packed; // a group of quantized rows as they lie on flash
  private final int groupsPerHead;
  private final int tailGroups; // programmed together
  private final int tailTokens;
  private final int[] lengths;
  private final int[] onFlash; // tokens of a slot and layer that are programmed
  private final int channelsOfPage; // 0 where keys are not kept by channel
  private final int columnTokens;
  private final int columnPages; // of a head
  private final int columnsPerHead;
  private final int firstColumnPage;
  private final float[] sums; // [slots, layers, heads, headDim]
  private final float[] value;
  private final StoredNumbers numbers;
  private final MemorySegment gathered; // keys to be turned, whole groups
  private final MemorySegment turned; // a page
  private final Arena arena = Arena.ofShared();
  private final MemorySegment tails;
  private final long dramBytes;
  private long tailBytes;

  /**
   * Opens an empty region.
   *
   * @param register the flash's page register
   * @param channels over which groups are strided
   * @param pageBytes bytes of a flash page
   * @param chosenChannels channels by which sparse attention chooses; 0 where attention reads all
   * @param writeBack tokens that are gathered before they are programmed; as many whole groups are,
   *     at least one
   * @param dramBytes DRAM left for its tails
   * @throws CapacityException if flash or DRAM do not suffice
   */
  public KvFlash(
      int region,
      KvShape shape,
      FlashTranslation translation,
      MemorySegment register,
      int channels,
      int pageBytes,
      int chosenChannels,
      int writeBack,
      long dramBytes) {
    this.region = region;
    this.shape = shape;
    this.translation = translation;
    this.register = register;
    this.channels = channels;
    boolean quantized = shape.type().quantized();
    pageNumbers = quantized ? 0 : pageBytes / shape.type().bytes();
    this.pageBytes = quantized ? pageBytes : pageNumbers * shape.type().bytes();
    groups = TokenGroups.of(shape.rowBytes(), pageBytes);
    groupsPerHead = shape.tokens() / groups.tokens();
    tailGroups = groups.gathered(writeBack) / groups.tokens();
    tailTokens = Math.min(groups.gathered(writeBack), shape.tokens());
    boolean sparse = chosenChannels > 0;
    channelsOfPage =
        sparse
            ? SparseReads.channelsOfPage(
                chosenChannels, shape.headDim(), pageNumbers, shape.tokens())
            : 0;
    columnTokens = sparse ? pageNumbers / channelsOfPage : 0;
    columnPages = sparse ? shape.headDim() / channelsOfPage : 0;
    columnsPerHead = sparse ? shape.tokens() / columnTokens : 0;
    double groupPages = 2.0 * shape.streams() * groupsPerHead * groups.pages();
    double pages = groupPages + (double) shape.streams() * columnsPerHead * columnPages;
    double sumNumbers = sparse ? (double) shape.streams() * shape.headDim() : 0;
    double gatheredBytes =
        sparse ? (columnTokens / groups.tokens() + 2.0) * groups.bytes() + pageBytes : 0;
    double dram =
        DriveMemory.bytes(
            shape.streams(),
            shape.tokens(),
            shape.headDim(),
            shape.type(),
            chosenChannels,
            writeBack,
            pageBytes);
    if (dram > dramBytes) {
      throw new CapacityException(
          "%.0f bytes of the drive's DRAM are needed to gather token groups, and %d are left"
              .formatted(dram, dramBytes));
    }
    if (pages > Integer.MAX_VALUE || (double) shape.slots() * shape.layers() > Integer.MAX_VALUE) {
      throw new CapacityException("%.0f flash pages are more than a drive has".formatted(pages));
    }
    if (sumNumbers > Integer.MAX_VALUE - 8 || gatheredBytes > Integer.MAX_VALUE) {
      throw new CapacityException("a drive does not keep %.0f sums".formatted(sumNumbers));
    }
    firstColumnPage = (int) groupPages;
    this.dramBytes = (long) dram;
    lengths = new int[shape.slots() * shape.layers()];
    onFlash = new int[lengths.length];
    sums = new float[(int) sumNumbers];
    value = new float[shape.headDim()];
    numbers = sparse ? new StoredNumbers(shape.type(), shape.headDim()) : null;
    packed = quantized ? arena.allocate(groups.bytes()) : MemorySegment.NULL;
    long arenaBytes = (long) (dram - sumNumbers * Float.BYTES);
    tails = arena.allocate(Math.max(64, arenaBytes), 64);
    turned = tails.asSlice(tails.byteSize() - (sparse ? pageBytes : 0));
    gathered = tails.asSlice(tails.byteSize() - (long) gatheredBytes);
    try {
      translation.openRegion(region, (long) pages);
    } catch (CapacityException e) {
      arena.close();
      throw e;
    }
  }

  public KvShape shape() {
    return shape;
  }

  public TokenGroups groups() {
    return groups;
  }

  /** Numbers of a flash page, where they are not quantized. */
  public int pageNumbers() {
    return pageNumbers;
  }

  /** Tokens stored for a slot and layer. */
  public int length(int slot, int layer) {
    return lengths[slot * shape.layers() + layer];
  }

  /** Bytes of DRAM that the region holds, used or not. */
  public long dramBytes() {
    return dramBytes;
  }

  /** Tokens of a slot and layer whose keys lie by channel; the others do by token only. */
  public int columned(int slot, int layer) {
    return columnTokens == 0 ? 0 : length(slot, layer) / columnTokens * columnTokens;
  }

  /** Tokens of a channel page, and of what sparse attention scores by channel at once. */
  public int columnTokens() {
    return columnTokens;
  }

  /** Channels of a page. */
  public int channelsOfPage() {
    return channelsOfPage;
  }

  /** Pages that hold keys and values of one head of a slot and layer by token. */
  public int groupPages(int slot, int layer) {
    return onFlash[slot * shape.layers() + layer] / groups.tokens() * 2 * groups.pages();
  }

  /** Bytes of keys and values that lie in DRAM. */
  public long tailBytes() {
    return tailBytes;
  }

  /**
   * Stores the next token of a slot and layer; a group that it fills goes to flash.
   *
   * @param source {@code [heads, headDim]} keys at {@code keys}, likewise values, in the stored
   *     type
   */
  public void append(int slot, int layer, MemorySegment source, long keys, long values) {
    int sequence = slot * shape.layers() + layer;
    int inTail = lengths[sequence] - onFlash[sequence];
    int rowBytes = shape.rowBytes();
    for (int head = 0; head < shape.heads(); head++) {
      long row = (long) head * rowBytes;
      long to = tail(sequence, head, 0) + (long) inTail * rowBytes;
      MemorySegment.copy(source, keys + row, tails, to, rowBytes);
      to = tail(sequence, head, 1) + (long) inTail * rowBytes;
      MemorySegment.copy(source, values + row, tails, to, rowBytes);
      if (channelsOfPage > 0) {
        addValue(sequence, head, to);
      }
    }
    lengths[sequence]++;
    tailBytes += tokenBytes();
    if (channelsOfPage > 0 && lengths[sequence] % columnTokens == 0) {
      programColumn(sequence, lengths[sequence] / columnTokens - 1);
    }
    if (inTail + 1 == tailGroups * groups.tokens()) {
      for (int group = 0; group < tailGroups; group++) {
        program(sequence, onFlash[sequence] / groups.tokens() + group, group);
      }
      onFlash[sequence] += tailGroups * groups.tokens();
      tailBytes -= (long) tailGroups * groups.tokens() * tokenBytes();
    }
  }

  private void addValue(int sequence, int head, long at) {
    numbers.read(tails, at, shape.headDim(), value, 0);
    int sum = (sequence * shape.heads() + head) * shape.headDim();
    for (int i = 0; i < shape.headDim(); i++) {
      sums[sum + i] = (lengths[sequence] == 0 ? 0 : sums[sum + i]) + value[i];
    }
  }

  /** Forgets a slot's tokens and frees their pages. */
  public void reclaim(int slot) {
    for (int layer = 0; layer < shape.layers(); layer++) {
      int sequence = slot * shape.layers() + layer;
      int pages = groupPages(slot, layer);
      int columned = columned(slot, layer) == 0 ? 0 : columned(slot, layer) / columnTokens;
      for (int head = 0; head < shape.heads(); head++) {
        for (int i = 0; i < pages; i++) {
          translation.discard(region, firstPage(sequence, head, 0, 0) + i);
        }
        for (int i = 0; i < columned * columnPages; i++) {
          translation.discard(region, columnPage(sequence, head, 0, 0) + i);
        }
      }
      tailBytes -= (long) (lengths[sequence] - onFlash[sequence]) * tokenBytes();
      lengths[sequence] = 0;
      onFlash[sequence] = 0;
    }
  }

  /**
   * Loads rows of one group as floats, reading no page that holds none of them.
   *
   * @param kind 0 keys, 1 values
   * @param from first row within the group
   * @param to behind the last
   * @param into {@code [tokens of a group, headDim]} and room for padding; rows outside may change
   */
  public void load(
      int slot, int layer, int head, int kind, int group, int from, int to, float[] into) {
    int sequence = slot * shape.layers() + layer;
    int width = shape.headDim();
    int base = group * groups.tokens();
    if (base >= onFlash[sequence]) {
      long at =
          tail(sequence, head, kind) + (long) (base - onFlash[sequence] + from) * shape.rowBytes();
      widen(tails, at, into, from * width, (to - from) * width);
      return;
    }
    if (shape.type().quantized()) {
      loadPacked(firstPage(sequence, head, group, kind), from, to);
      widen(packed, (long) from * shape.rowBytes(), into, from * width, (to - from) * width);
      return;
    }
    int last = (to * width - 1) / pageNumbers;
    for (int page = from * width / pageNumbers; page <= last; page++) {
      loadPage(slot, layer, head, kind, group, page, into);
    }
  }

  private void loadPacked(int firstPage, int from, int to) {
    int last = (to * shape.rowBytes() - 1) / pageBytes;
    for (int page = from * shape.rowBytes() / pageBytes; page <= last; page++) {
      translation.read(region, firstPage + page);
      int done = page * pageBytes;
      int bytes = Math.min(pageBytes, groups.bytes() - done);
      MemorySegment.copy(register, 0, packed, done, bytes);
    }
  }

  /** Whether a token's key and value still lie in DRAM. */
  public boolean inDram(int slot, int layer, int token) {
    return token >= onFlash[slot * shape.layers() + layer];
  }

  /**
   * Loads one page of a group on flash, to where its numbers belong in {@code [tokens of a group,
   * headDim]}.
   */
  public void loadPage(int slot, int layer, int head, int kind, int group, int page, float[] into) {
    int sequence = slot * shape.layers() + layer;
    translation.read(region, firstPage(sequence, head, group, kind) + page);
    int at = page * pageNumbers;
    widen(register, 0, into, at, Math.min(pageNumbers, groups.tokens() * shape.headDim() - at));
  }

  /**
   * Loads a page of channels.
   *
   * @param column which {@link #columnTokens} tokens
   * @param page which {@link #channelsOfPage} channels
   * @param into {@code [channels, tokens]} of the page
   */
  public void loadColumns(int slot, int layer, int head, int column, int page, float[] into) {
    int sequence = slot * shape.layers() + layer;
    translation.read(region, columnPage(sequence, head, column, page));
    widen(register, 0, into, 0, channelsOfPage * columnTokens);
  }

  /** Writes the sum of the values of one head. */
  public void valueSum(int slot, int layer, int head, float[] into) {
    int sequence = slot * shape.layers() + layer;
    System.arraycopy(
        sums, (sequence * shape.heads() + head) * shape.headDim(), into, 0, shape.headDim());
  }

  private void programColumn(int sequence, int column) {
    for (int head = 0; head < shape.heads(); head++) {
      int from = column * columnTokens;
      int firstGroup = from / groups.tokens();
      for (int g = firstGroup; g * groups.tokens() < from + columnTokens; g++) {
        gather(sequence, head, g, (long) (g - firstGroup) * groups.bytes());
      }
      long first = (long) (from - firstGroup * groups.tokens()) * shape.rowBytes();
      for (int page = 0; page < columnPages; page++) {
        turn(first, page * channelsOfPage);
        int stripe = (turnOf(sequence, column) * shape.heads() + head) * columnPages + page;
        translation.write(
            region,
            columnPage(sequence, head, column, page),
            channel(stripe),
            turned,
            0,
            channelsOfPage * columnTokens * shape.type().bytes());
      }
    }
  }

  /** Brings the keys of one group, as they are stored. */
  private void gather(int sequence, int head, int group, long to) {
    int base = group * groups.tokens();
    if (base >= onFlash[sequence]) {
      long at = tail(sequence, head, 0) + (long) (base - onFlash[sequence]) * shape.rowBytes();
      int rows = Math.min(groups.tokens(), lengths[sequence] - base);
      MemorySegment.copy(tails, at, gathered, to, (long) rows * shape.rowBytes());
      return;
    }
    for (int page = 0; page < groups.pages(); page++) {
      translation.read(region, firstPage(sequence, head, group, 0) + page);
      int done = page * pageBytes;
      int bytes = Math.min(pageBytes, groups.bytes() - done);
      MemorySegment.copy(register, 0, gathered, to + done, bytes);
    }
  }

  /** Fills a page with channels of the gathered keys, the first of which lies at {@code first}. */
  private void turn(long first, int channel) {
    int bytes = shape.type().bytes();
    for (int c = 0; c < channelsOfPage; c++) {
      for (int t = 0; t < columnTokens; t++) {
        long from = first + (long) t * shape.rowBytes() + (long) (channel + c) * bytes;
        long to = (long) (c * columnTokens + t) * bytes;
        if (bytes == Short.BYTES) {
          turned.set(BITS, to, gathered.get(BITS, from));
        } else {
          turned.set(F32, to, gathered.get(F32, from));
        }
      }
    }
  }

  private int columnPage(int sequence, int head, int column, int page) {
    return firstColumnPage
        + ((sequence * shape.heads() + head) * columnsPerHead + column) * columnPages
        + page;
  }

  private void program(int sequence, int group, int inTail) {
    for (int head = 0; head < shape.heads(); head++) {
      for (int kind = 0; kind < 2; kind++) {
        int first = firstPage(sequence, head, group, kind);
        long tail = tail(sequence, head, kind) + (long) inTail * groups.bytes();
        int stripe = ((turnOf(sequence, group) * 2 + kind) * shape.heads() + head) * groups.pages();
        for (int page = 0; page < groups.pages(); page++) {
          int done = page * pageBytes;
          int channel = channel(stripe + page);
          int bytes = Math.min(pageBytes, groups.bytes() - done);
          translation.write(region, first + page, channel, tails, tail + done, bytes);
        }
      }
    }
  }

  /** What of a layer is read at once goes on over the channels where what is before it ends. */
  private int turnOf(int sequence, int place) {
    return sequence / shape.layers() + place;
  }

  /** Each round over the channels begins one further, so that no head keeps to one of them. */
  private int channel(int stripe) {
    return Math.floorMod(stripe + stripe / channels, channels);
  }

  private int firstPage(int sequence, int head, int group, int kind) {
    return (((sequence * shape.heads() + head) * groupsPerHead + group) * 2 + kind)
        * groups.pages();
  }

  private long tail(int sequence, int head, int kind) {
    return (((long) sequence * shape.heads() + head) * 2 + kind) * tailTokens * shape.rowBytes();
  }

  private long tokenBytes() {
    return 2L * shape.heads() * shape.rowBytes();
  }

  /** Widens numbers that lie one after the other; whole rows, where they are quantized. */
  private void widen(MemorySegment from, long at, float[] into, int start, int count) {
    switch (shape.type()) {
      case F32 -> MemorySegment.copy(from, F32, at, into, start, count);
      case F16 -> {
        for (int i = 0; i < count; i++) {
          into[start + i] = Float.float16ToFloat(from.get(BITS, at + 2L * i));
        }
      }
      case BF16 -> {
        for (int i = 0; i < count; i++) {
          into[start + i] = Float.intBitsToFloat(from.get(BITS, at + 2L * i) << 16);
        }
      }
      case INT8, INT4 -> {
        for (int i = 0; i < count; i += shape.headDim()) {
          long row = at + (long) (i / shape.headDim()) * shape.rowBytes();
          Quantized.decode(shape.type(), from, row, shape.headDim(), into, start + i);
        }
      }
      case Q8_0, Q4_0, Q4_K, Q6_K -> throw shape.type().notSingle();
    }
  }

  /** Frees the region's flash and DRAM. */
  @Override
  public void close() {
    translation.closeRegion(region);
    arena.close();
  }
}
