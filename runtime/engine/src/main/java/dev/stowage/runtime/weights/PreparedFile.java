package dev.stowage.runtime.weights;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.Range;
import dev.stowage.plan.Weight;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.plan.model.Tensor;
import dev.stowage.runtime.storage.StoredFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.zip.CRC32C;

/**
 * Rows of weights as a plan wants them and the model's files do not have them: quantized once, kept
 * beside a disk's other files, and used by every later run of the same plan.
 *
 * <pre>
 * header  8 bytes "STOWROWS", version (int), number of slabs (int), key (32 bytes),
 *         for each slab its CRC-32C (int) and a mark that it is there (int), CRC-32C of all that
 *         (int); padded to whole pages
 * slabs   in the plan's order, each in whole pages: rows of one matrix of one layer
 * </pre>
 *
 * Little-endian. The file is made under another name, and appears under its own only when it is
 * whole and on the disk. A slab is marked once it is on the disk, so that whoever is stopped while
 * making the file goes on with it the next time. A slab is checked when it is read for the first
 * time.
 */
public final class PreparedFile implements AutoCloseable {
  private static final byte[] MAGIC = {'S', 'T', 'O', 'W', 'R', 'O', 'W', 'S'};
  private static final int VERSION = 2;
  private static final int KEY_BYTES = 32;
  private static final int ENTRIES_AT = 48;
  private static final int ENTRY_BYTES = 8;
  private static final int PIECE_BYTES = 4 << 20;

  /** Slabs are put on the disk, and marked, so many bytes at a time. */
  private static final long CHECKPOINT_BYTES = 64L << 20;

  /** One file at a time is made in a process; between processes a lock on it says the same. */
  private static final Object MAKING = new Object();

  /**
   * Rows of one matrix of one layer.
   *
   * @param rowBytes of one row of that type
   */
  public record Slab(Weight weight, int layer, Range rows, ElementType type, long rowBytes) {
    public long bytes() {
      return Math.multiplyExact((long) rows.size(), rowBytes);
    }
  }

  /** Makes rows. */
  @FunctionalInterface
  public interface Maker {
    /**
     * Fills a segment with rows of a slab.
     *
     * @param rows some of the slab's
     */
    void make(Slab slab, Range rows, MemorySegment target) throws ModelFormatException;
  }

  /** Hears how far the making of a file is. */
  @FunctionalInterface
  public interface Progress {
    /** So many bytes of all are made. */
    void made(long bytes, long all);
  }

  private final StoredFile file;
  private final List<Slab> slabs;
  private final long[] offsets;
  private final int[] sums;

  private PreparedFile(StoredFile file, List<Slab> slabs, long[] offsets, int[] sums) {
    this.file = file;
    this.slabs = slabs;
    this.offsets = offsets;
    this.sums = sums;
  }

  /**
   * Opens the file of a plan's rows; makes it first, or what is missing of it, if it is not there
   * whole.
   *
   * @param folder made if it is not there
   * @param key 32 bytes that stand for everything the rows are made from
   * @throws IOException if the disk fails, or is full; nothing is left behind then
   */
  public static PreparedFile open(
      Path folder, byte[] key, List<Slab> slabs, Maker maker, Progress progress)
      throws IOException, ModelFormatException {
    return open(folder, key, slabs, maker, progress, CHECKPOINT_BYTES);
  }

  static PreparedFile open(
      Path folder,
      byte[] key,
      List<Slab> slabs,
      Maker maker,
      Progress progress,
      long checkpointBytes)
      throws IOException, ModelFormatException {
    if (key.length != KEY_BYTES) {
      throw new IllegalArgumentException("a key of " + key.length + " bytes");
    }
    Files.createDirectories(folder);
    var path =
        folder.resolve("rows-" + HexFormat.of().formatHex(Arrays.copyOf(key, 12)) + ".stowrows");
    var offsets = new long[slabs.size()];
    long end = Footprint.wholePages(headerBytes(slabs.size()));
    for (int i = 0; i < offsets.length; i++) {
      offsets[i] = end;
      end = Math.addExact(end, Footprint.wholePages(slabs.get(i).bytes()));
    }
    int[] sums = read(path, key, slabs.size(), end);
    if (sums == null) {
      synchronized (MAKING) {
        sums = make(path, key, slabs, offsets, end, maker, progress, checkpointBytes);
      }
    }
    return new PreparedFile(StoredFile.open(path), List.copyOf(slabs), offsets, sums);
  }

  /** The sums of a whole file of that key, or null. */
  private static int[] read(Path path, byte[] key, int slabs, long bytes) throws IOException {
    if (!Files.isRegularFile(path) || Files.size(path) != bytes) {
      return null;
    }
    try (var channel = FileChannel.open(path)) {
      var header = header(channel, key, slabs);
      if (header.isEmpty()) {
        return null;
      }
      var sums = new int[slabs];
      for (int i = 0; i < slabs; i++) {
        sums[i] = header.get().getInt(ENTRIES_AT + i * ENTRY_BYTES);
      }
      int at = ENTRIES_AT + slabs * ENTRY_BYTES;
      return header.get().getInt(at) == crc(header.get(), at) ? sums : null;
    }
  }

  /** The header of a file of that key and this version, whole or not. */
  private static Optional<ByteBuffer> header(FileChannel channel, byte[] key, int slabs)
      throws IOException {
    var header = ByteBuffer.allocate(headerBytes(slabs)).order(ByteOrder.LITTLE_ENDIAN);
    while (header.hasRemaining()) {
      if (channel.read(header, header.position()) < 0) {
        return Optional.empty();
      }
    }
    var expected = header(key, slabs);
    return header.slice(0, ENTRIES_AT).equals(expected.slice(0, ENTRIES_AT))
        ? Optional.of(header)
        : Optional.empty();
  }

  /** A header in which no slab is marked. */
  private static ByteBuffer header(byte[] key, int slabs) {
    return ByteBuffer.allocate(headerBytes(slabs))
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(MAGIC)
        .putInt(VERSION)
        .putInt(slabs)
        .put(key)
        .clear();
  }

  private static int crc(ByteBuffer header, int bytes) {
    var crc = new CRC32C();
    crc.update(header.slice(0, bytes));
    return (int) crc.getValue();
  }

  private static int[] make(
      Path path,
      byte[] key,
      List<Slab> slabs,
      long[] offsets,
      long bytes,
      Maker maker,
      Progress progress,
      long checkpointBytes)
      throws IOException, ModelFormatException {
    var part = path.resolveSibling(path.getFileName() + ".part");
    while (true) {
      try (var file = StoredFile.openForWriting(part);
          var lock = file.channel().lock()) {
        int[] sums = read(path, key, slabs.size(), bytes);
        if (sums != null) {
          return sums; // another process has made it
        }
        if (!lock.isValid() || !Files.exists(part)) {
          continue; // another process has given up
        }
        try {
          sums =
              new Making(file, key, slabs, offsets, bytes, maker, progress, checkpointBytes).run();
          Files.move(
              part, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
          return sums;
        } catch (IOException | ModelFormatException | RuntimeException | Error e) {
          Files.deleteIfExists(part);
          throw e;
        }
      }
    }
  }

  /** One run of making a file. */
  private static final class Making {
    final StoredFile file;
    final List<Slab> slabs;
    final long[] offsets;
    final long bytes; // of the file
    final long all; // of the slabs
    final Maker maker;
    final Progress progress;
    final long checkpointBytes;
    final ByteBuffer header;
    final int[] sums;
    long made;

    Making(
        StoredFile file,
        byte[] key,
        List<Slab> slabs,
        long[] offsets,
        long bytes,
        Maker maker,
        Progress progress,
        long checkpointBytes)
        throws IOException {
      this.file = file;
      this.slabs = slabs;
      this.offsets = offsets;
      this.bytes = bytes;
      all = slabs.stream().mapToLong(Slab::bytes).sum();
      this.maker = maker;
      this.progress = progress;
      this.checkpointBytes = checkpointBytes;
      header =
          PreparedFile.header(file.channel(), key, slabs.size())
              .orElseGet(() -> PreparedFile.header(key, slabs.size()));
      sums = new int[slabs.size()];
    }

    int[] run() throws IOException, ModelFormatException {
      try (var arena = Arena.ofShared()) {
        long longest = slabs.stream().mapToLong(Slab::rowBytes).max().orElse(0);
        var piece =
            arena.allocate(
                Math.max(PIECE_BYTES, Footprint.spanBytes(longest)), Footprint.PAGE_BYTES);
        var there = new boolean[sums.length];
        for (int i = 0; i < sums.length; i++) {
          there[i] = isThere(i, piece);
        }
        refuseTooFullADisk(there);
        int marked = 0;
        long unmarked = 0;
        for (int i = 0; i < sums.length; i++) {
          var slab = slabs.get(i);
          if (!there[i]) {
            sums[i] = write(slab, offsets[i], piece);
            unmarked += slab.bytes();
            if (unmarked >= checkpointBytes) {
              mark(marked, i + 1);
              marked = i + 1;
              unmarked = 0;
            }
          } else {
            made += slab.bytes();
          }
          progress.made(made, all);
        }
        mark(marked, sums.length);
        int at = ENTRIES_AT + sums.length * ENTRY_BYTES;
        header.putInt(at, crc(header, at));
        file.write(header.clear(), 0);
        file.truncate(bytes);
        file.force();
        return sums;
      }
    }

    /** Whether a slab was marked by an earlier run, and is as it was then. */
    private boolean isThere(int i, MemorySegment piece) throws IOException {
      int at = ENTRIES_AT + i * ENTRY_BYTES;
      int sum = header.getInt(at);
      if (header.getInt(at + Integer.BYTES) != markOf(i, sum)) {
        return false;
      }
      var crc = new CRC32C();
      for (long done = 0; done < slabs.get(i).bytes(); ) {
        var buffer =
            piece.asSlice(0, Math.min(PIECE_BYTES, slabs.get(i).bytes() - done)).asByteBuffer();
        if (file.channel().read(buffer, offsets[i] + done) < 0) {
          return false;
        }
        done += buffer.position();
        crc.update(buffer.flip());
      }
      sums[i] = sum;
      return (int) crc.getValue() == sum;
    }

    private void refuseTooFullADisk(boolean[] there) throws IOException {
      long missing = 0;
      for (int i = 0; i < there.length; i++) {
        missing += there[i] ? 0 : slabs.get(i).bytes();
      }
      long room = Files.getFileStore(file.path()).getUsableSpace();
      if (missing > room) {
        throw new IOException(
            "%d bytes are to be written, and the disk has room for %d".formatted(missing, room));
      }
    }

    /** Writes a slab in whole pages; returns its sum. */
    private int write(Slab slab, long offset, MemorySegment piece)
        throws IOException, ModelFormatException {
      var crc = new CRC32C();
      long at = offset;
      long filled = 0;
      int row = slab.rows().from();
      while (row < slab.rows().to()) {
        int count =
            (int) Math.min(slab.rows().to() - row, (piece.byteSize() - filled) / slab.rowBytes());
        var target = piece.asSlice(filled, count * slab.rowBytes());
        maker.make(slab, new Range(row, row + count), target);
        crc.update(target.asByteBuffer());
        row += count;
        filled += target.byteSize();
        long whole = filled / Footprint.PAGE_BYTES * Footprint.PAGE_BYTES;
        file.writePages(piece.asSlice(0, whole).asByteBuffer(), at);
        at += whole;
        filled -= whole;
        MemorySegment.copy(piece, whole, piece, 0, filled);
        made += target.byteSize();
        progress.made(made, all);
      }
      if (filled > 0) {
        piece.asSlice(filled, Footprint.PAGE_BYTES - filled).fill((byte) 0);
        file.writePages(piece.asSlice(0, Footprint.PAGE_BYTES).asByteBuffer(), at);
      }
      return (int) crc.getValue();
    }

    /** Puts slabs on the disk, and then says that they are. */
    private void mark(int from, int to) throws IOException {
      file.force();
      for (int i = from; i < to; i++) {
        int at = ENTRIES_AT + i * ENTRY_BYTES;
        header.putInt(at, sums[i]).putInt(at + Integer.BYTES, markOf(i, sums[i]));
      }
      file.write(header.clear(), 0);
    }

    private static int markOf(int slab, int sum) {
      return ~(31 * slab + sum);
    }
  }

  private static int headerBytes(int slabs) {
    return Math.addExact(ENTRIES_AT + Integer.BYTES, Math.multiplyExact(slabs, ENTRY_BYTES));
  }

  /** Where a slab lies. */
  public RowSpan span(Weight weight, int layer, Range rows) {
    for (int i = 0; i < slabs.size(); i++) {
      var slab = slabs.get(i);
      if (slab.weight() == weight && slab.layer() == layer && slab.rows().equals(rows)) {
        return new RowSpan(file, tensor(i), offsets[i], slab.bytes(), OptionalInt.of(sums[i]));
      }
    }
    throw new IllegalArgumentException(
        "rows %s of %s are not in %s".formatted(rows, weight.word(), file.path()));
  }

  /**
   * Prepares to look up single rows of a slab of a matrix that belongs to no layer.
   *
   * @return a reader of rows counted from the slab's first
   */
  public TableReader table(Weight weight, Range rows, MemorySegment target) {
    for (int i = 0; i < slabs.size(); i++) {
      var slab = slabs.get(i);
      if (slab.weight() == weight && slab.rows().equals(rows)) {
        var first = new RowSpan(file, tensor(i), offsets[i], slab.rowBytes(), OptionalInt.empty());
        return new TableReader(first, target.asSlice(0, slab.rowBytes()));
      }
    }
    throw new IllegalArgumentException(
        "rows %s of %s are not in %s".formatted(rows, weight.word(), file.path()));
  }

  private Tensor tensor(int i) {
    var slab = slabs.get(i);
    return new Tensor(
        slab.weight().word(), file.path(), slab.type().word(), List.of(), offsets[i], slab.bytes());
  }

  @Override
  public void close() {
    file.close();
  }
}
