package dev.stowage.runtime.weights;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.Range;
import dev.stowage.plan.Weight;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.plan.model.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * Rows of weights on a disk as a plan wants them and the model's files do not have them: quantized
 * once, kept beside the device's other files, and used by every later run of the same plan.
 *
 * <pre>
 * header  8 bytes "STOWROWS", version (int), number of slabs (int), key (32 bytes),
 *         for each slab its CRC-32C (int), CRC-32C of all that (int); padded to 4096 bytes
 * slabs   in the plan's order, each at a multiple of 64 bytes: rows of one matrix of one layer
 * </pre>
 *
 * Little-endian. The file appears under its name only when it is whole and on the disk. A slab is
 * checked when it is read for the first time.
 */
public final class PreparedFile implements AutoCloseable {
  private static final byte[] MAGIC = {'S', 'T', 'O', 'W', 'R', 'O', 'W', 'S'};
  private static final int VERSION = 2;
  private static final int KEY_BYTES = 32;
  private static final int PAGE = 4096;
  private static final long PIECE_BYTES = 4L << 20;

  /**
   * Rows of one matrix of one layer.
   *
   * @param rowBytes of one row of that type
   */
  public record Slab(Weight weight, int layer, Range rows, ElementType type, long rowBytes) {
    long bytes() {
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

  private final Path file;
  private final FileChannel channel;
  private final List<Slab> slabs;
  private final long[] offsets;
  private final int[] sums;

  private PreparedFile(
      Path file, FileChannel channel, List<Slab> slabs, long[] offsets, int[] sums) {
    this.file = file;
    this.channel = channel;
    this.slabs = slabs;
    this.offsets = offsets;
    this.sums = sums;
  }

  /**
   * Opens the file of a plan's rows; makes it first if it is not there, or not whole.
   *
   * @param folder made if it is not there
   * @param key 32 bytes that stand for everything the rows are made from
   * @throws IOException if the disk fails, or is full
   */
  public static PreparedFile open(Path folder, byte[] key, List<Slab> slabs, Maker maker)
      throws IOException, ModelFormatException {
    if (key.length != KEY_BYTES) {
      throw new IllegalArgumentException("a key of " + key.length + " bytes");
    }
    Files.createDirectories(folder);
    var file =
        folder.resolve("rows-" + HexFormat.of().formatHex(Arrays.copyOf(key, 12)) + ".stowrows");
    var offsets = new long[slabs.size()];
    long end = headerBytes(slabs.size());
    for (int i = 0; i < offsets.length; i++) {
      offsets[i] = end;
      end = Math.addExact(end, Footprint.align(slabs.get(i).bytes()));
    }
    int[] sums = read(file, key, slabs.size(), end);
    if (sums == null) {
      sums = make(file, key, slabs, offsets, end, maker);
    }
    return new PreparedFile(file, FileChannel.open(file), List.copyOf(slabs), offsets, sums);
  }

  /** The sums of a whole file of that key, or null. */
  private static int[] read(Path file, byte[] key, int slabs, long bytes) throws IOException {
    if (!Files.isRegularFile(file) || Files.size(file) != bytes) {
      return null;
    }
    var header = ByteBuffer.allocate(headerLength(slabs)).order(ByteOrder.LITTLE_ENDIAN);
    try (var channel = FileChannel.open(file)) {
      while (header.hasRemaining()) {
        if (channel.read(header) < 0) {
          return null;
        }
      }
    }
    var crc = new CRC32C();
    crc.update(header.array(), 0, header.capacity() - Integer.BYTES);
    header.flip();
    var magic = new byte[MAGIC.length];
    header.get(magic);
    boolean ours =
        Arrays.equals(magic, MAGIC) && header.getInt() == VERSION && header.getInt() == slabs;
    var storedKey = new byte[KEY_BYTES];
    header.get(storedKey);
    var sums = new int[slabs];
    for (int i = 0; i < slabs; i++) {
      sums[i] = header.getInt();
    }
    return ours && Arrays.equals(key, storedKey) && header.getInt() == (int) crc.getValue()
        ? sums
        : null;
  }

  private static int[] make(
      Path file, byte[] key, List<Slab> slabs, long[] offsets, long bytes, Maker maker)
      throws IOException, ModelFormatException {
    var temporary = Files.createTempFile(file.getParent(), file.getFileName().toString(), ".tmp");
    try {
      var sums = new int[slabs.size()];
      try (var channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
        for (int i = 0; i < sums.length; i++) {
          sums[i] = write(channel, offsets[i], slabs.get(i), maker);
        }
        if (channel.size() < bytes) {
          write(channel, ByteBuffer.allocate(1), bytes - 1); // the last slab's padding
        }
        write(channel, header(key, sums), 0);
        channel.force(true);
      }
      Files.move(
          temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      return sums;
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  /** Writes a slab piece by piece; returns its sum. */
  private static int write(FileChannel channel, long offset, Slab slab, Maker maker)
      throws IOException, ModelFormatException {
    var crc = new CRC32C();
    int most = Math.clamp(PIECE_BYTES / slab.rowBytes(), 1, slab.rows().size());
    try (var arena = Arena.ofShared()) {
      var piece = arena.allocate(most * slab.rowBytes(), 64);
      long at = offset;
      for (int row = slab.rows().from(); row < slab.rows().to(); row += most) {
        var rows = new Range(row, Math.min(row + most, slab.rows().to()));
        var target = piece.asSlice(0, rows.size() * slab.rowBytes());
        maker.make(slab, rows, target);
        var buffer = target.asByteBuffer();
        crc.update(buffer.duplicate());
        write(channel, buffer, at);
        at += target.byteSize();
      }
    }
    return (int) crc.getValue();
  }

  private static void write(FileChannel channel, ByteBuffer buffer, long at) throws IOException {
    long position = at;
    while (buffer.hasRemaining()) {
      position += channel.write(buffer, position);
    }
  }

  private static ByteBuffer header(byte[] key, int[] sums) {
    var header = ByteBuffer.allocate(headerLength(sums.length)).order(ByteOrder.LITTLE_ENDIAN);
    header.put(MAGIC).putInt(VERSION).putInt(sums.length).put(key);
    for (int sum : sums) {
      header.putInt(sum);
    }
    var crc = new CRC32C();
    crc.update(header.array(), 0, header.position());
    return header.putInt((int) crc.getValue()).flip();
  }

  private static int headerLength(int slabs) {
    return Math.addExact(
        MAGIC.length + 3 * Integer.BYTES + KEY_BYTES, Math.multiplyExact(slabs, Integer.BYTES));
  }

  private static long headerBytes(int slabs) {
    return (headerLength(slabs) + PAGE - 1L) / PAGE * PAGE;
  }

  /** Prepares to read a slab, whole, to the start of a segment. */
  public RowReader bind(Weight weight, int layer, Range rows, MemorySegment target) {
    for (int i = 0; i < slabs.size(); i++) {
      var slab = slabs.get(i);
      if (slab.weight() == weight && slab.layer() == layer && slab.rows().equals(rows)) {
        return new RowReader(
            channel, tensor(i), offsets[i], target.asSlice(0, slab.bytes()), sums[i]);
      }
    }
    throw new IllegalArgumentException(
        "rows %s of %s are not in %s".formatted(rows, weight.word(), file));
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
        return new TableReader(channel, tensor(i), target.asSlice(0, slab.rowBytes()));
      }
    }
    throw new IllegalArgumentException(
        "rows %s of %s are not in %s".formatted(rows, weight.word(), file));
  }

  private Tensor tensor(int i) {
    var slab = slabs.get(i);
    return new Tensor(
        slab.weight().word(), file, slab.type().word(), List.of(), offsets[i], slab.bytes());
  }

  /** Bytes on the disk. */
  public long bytes() {
    return slabs.isEmpty()
        ? headerBytes(0)
        : offsets[slabs.size() - 1] + Footprint.align(slabs.getLast().bytes());
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException("closing " + file, e);
    }
  }
}
