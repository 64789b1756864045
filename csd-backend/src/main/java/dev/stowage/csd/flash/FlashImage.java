package dev.stowage.csd.flash;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.zip.CRC32C;

/**
 * The flash of one drive, kept in a sparse file. The file is <em>scratch</em>: it holds nothing
 * worth keeping after a run, is never read back by a later one, and is deleted on close. What a
 * crashed run left behind is recognised by its header and overwritten; any other file of that name
 * is refused untouched. While open, the file is locked against a second user.
 *
 * <p>As in NAND, data pass through a page register: {@link #read} fills it, {@link #program} writes
 * it out. A page of the file:
 *
 * <pre>
 * [0, P)       data                    P+16  u32 the page's own number
 * P     u64    logical key             P+20  u32 CRC32C of all bytes before
 * P+8   u64    sequence number
 * </pre>
 *
 * All methods belong to one thread. None allocates.
 */
public final class FlashImage implements AutoCloseable {
  private static final byte[] MAGIC = "STOWCSD1".getBytes(StandardCharsets.US_ASCII);
  private static final int HEADER_BYTES = 4096;
  private static final int SPARE_BYTES = 24;

  private final Path file;
  private final FileChannel channel;
  private final FlashGeometry geometry;
  private final int pageBytes;
  private final ByteBuffer buffer;
  private final MemorySegment register;
  private final CRC32C crc = new CRC32C();
  private final char[] programmed;
  private final int[] erases;
  private final long[] pagesRead;
  private final long[] pagesProgrammed;
  private long blocksErased;
  private long sequence;

  private FlashImage(Path file, FileChannel channel, FlashGeometry geometry) {
    this.file = file;
    this.channel = channel;
    this.geometry = geometry;
    pageBytes = geometry.pageBytes();
    buffer = ByteBuffer.allocateDirect(pageBytes + SPARE_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    register = MemorySegment.ofBuffer(buffer).asSlice(0, pageBytes);
    int blocks = geometry.superblocks() * geometry.planesPerChannel();
    programmed = new char[blocks];
    erases = new int[blocks];
    pagesRead = new long[geometry.channels()];
    pagesProgrammed = new long[geometry.channels()];
  }

  /**
   * Makes an erased flash.
   *
   * @throws FlashException if the file is in use, is not a flash image, or cannot be written
   */
  public static FlashImage create(Path file, FlashGeometry geometry) {
    FileChannel channel = null;
    try {
      if (file.getParent() != null) {
        Files.createDirectories(file.getParent());
      }
      channel =
          FileChannel.open(
              file,
              StandardOpenOption.CREATE,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              LinkOption.NOFOLLOW_LINKS);
      lock(file, channel);
      refuseForeign(file, channel);
      var image = new FlashImage(file, channel, geometry);
      image.format();
      return image;
    } catch (IOException e) {
      closeQuietly(channel, e);
      throw new FlashException("the flash image " + file + " cannot be made: " + reason(e), e);
    } catch (FlashException e) {
      closeQuietly(channel, e);
      throw e;
    }
  }

  private static void lock(Path file, FileChannel channel) throws IOException {
    FileLock lock;
    try {
      lock = channel.tryLock();
    } catch (OverlappingFileLockException e) {
      lock = null;
    }
    if (lock == null) {
      throw new FlashException(
          "the flash image " + file + " is in use by another run; give this drive another path");
    }
  }

  private static void refuseForeign(Path file, FileChannel channel) throws IOException {
    if (channel.size() == 0) {
      return;
    }
    var head = ByteBuffer.allocate(MAGIC.length);
    while (head.hasRemaining() && channel.read(head, head.position()) > 0) {
      continue;
    }
    if (!Arrays.equals(head.array(), MAGIC)) {
      throw new FlashException(
          file
              + " is not a flash image and is left as it is; move it or give this drive another path");
    }
  }

  private void format() throws IOException {
    channel.truncate(0);
    var header = ByteBuffer.allocate(HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    header.put(MAGIC).putInt(geometry.channels()).putInt(geometry.dies()).putInt(geometry.planes());
    header.putInt(geometry.blocks()).putInt(geometry.pagesPerBlock()).putInt(pageBytes).clear();
    while (header.hasRemaining()) {
      channel.write(header, header.position());
    }
  }

  public FlashGeometry geometry() {
    return geometry;
  }

  /** The page register: data of the page last read, or to be programmed next. */
  public MemorySegment register() {
    return register;
  }

  /** The logical key of the page last read. */
  public long key() {
    return buffer.getLong(pageBytes);
  }

  /** The sequence number of the page last read: higher is younger. */
  public long sequence() {
    return buffer.getLong(pageBytes + 8);
  }

  /**
   * Reads a page into the register.
   *
   * @throws FlashException if the page was not programmed since its last erase, is damaged, or the
   *     file fails
   */
  public void read(int page) {
    if (geometry.pageInBlock(page) >= programmed[geometry.blockOf(page)]) {
      throw new FlashException("page " + page + " of " + file + " was never programmed");
    }
    buffer.clear();
    try {
      while (buffer.hasRemaining()) {
        if (channel.read(buffer, position(page) + buffer.position()) <= 0) {
          throw new FlashException(
              "the flash image " + file + " is truncated: it ends within page " + page);
        }
      }
    } catch (IOException e) {
      throw new FlashException("page " + page + " of " + file + " cannot be read: " + reason(e), e);
    }
    pagesRead[geometry.channelOf(page)]++;
    int sum = checksum();
    if (sum != buffer.getInt(pageBytes + 20) || page != buffer.getInt(pageBytes + 16)) {
      throw new FlashException(
          "page %d of %s is damaged: CRC32C %08x of page %d, stored %08x"
              .formatted(
                  page, file, sum, buffer.getInt(pageBytes + 16), buffer.getInt(pageBytes + 20)));
    }
  }

  /**
   * Programs a page with the register's bytes.
   *
   * @param key kept beside the page, for whoever finds it
   * @throws FlashException if the page is not the next of its block, or the file fails
   */
  public void program(int page, long key) {
    int block = geometry.blockOf(page);
    int place = geometry.pageInBlock(page);
    if (place != programmed[block]) {
      throw new FlashException(
          place < programmed[block]
              ? "page %d of %s is programmed already; its block must be erased first"
                  .formatted(page, file)
              : "page %d of %s is out of order: %d of its block is next"
                  .formatted(page, file, (int) programmed[block]));
    }
    buffer.putLong(pageBytes, key).putLong(pageBytes + 8, sequence).putInt(pageBytes + 16, page);
    buffer.putInt(pageBytes + 20, checksum());
    try {
      while (buffer.hasRemaining()) {
        channel.write(buffer, position(page) + buffer.position());
      }
    } catch (IOException e) {
      throw new FlashException(
          "page " + page + " of " + file + " cannot be written: " + reason(e), e);
    }
    sequence++;
    programmed[block]++;
    pagesProgrammed[geometry.channelOf(page)]++;
  }

  /** Erases a block, counted over the whole drive as {@link FlashGeometry#blockOf} does. */
  public void erase(int block) {
    programmed[block] = 0;
    erases[block]++;
    blocksErased++;
  }

  /** Hands everything programmed to the file's device. */
  public void force() {
    try {
      channel.force(false);
    } catch (IOException e) {
      throw new FlashException("the flash image " + file + " cannot be flushed: " + reason(e), e);
    }
  }

  public long pagesRead(int flashChannel) {
    return pagesRead[flashChannel];
  }

  public long pagesProgrammed(int flashChannel) {
    return pagesProgrammed[flashChannel];
  }

  public long blocksErased() {
    return blocksErased;
  }

  /** How often a block was erased: its wear. */
  public int erases(int block) {
    return erases[block];
  }

  /** Where a page lies in the file. */
  long position(int page) {
    return HEADER_BYTES + (long) page * (pageBytes + SPARE_BYTES);
  }

  /** The CRC32C of everything but itself; leaves the buffer ready to be written. */
  private int checksum() {
    crc.reset();
    buffer.clear().limit(pageBytes + 20);
    crc.update(buffer);
    buffer.clear();
    return (int) crc.getValue();
  }

  /** Deletes the file. */
  @Override
  public void close() {
    try (channel) {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new FlashException("the flash image " + file + " cannot be deleted: " + reason(e), e);
    }
  }

  private static String reason(IOException e) {
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }

  private static void closeQuietly(FileChannel channel, Exception first) {
    try {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException e) {
      first.addSuppressed(e);
    }
  }
}
