package dev.stowage.runtime.storage;

import dev.stowage.plan.Footprint;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A file open for reading, and perhaps writing, in whole pages past the page cache (direct I/O).
 * Where the file system refuses that, its pages pass through the cache and are dropped behind the
 * reader.
 *
 * <p>Direct I/O wants positions, lengths and addresses at multiples of a page. Rows lie anywhere in
 * a file, so what is read is the span of whole pages around them, to memory at the same distance
 * from a page:
 *
 * <pre>
 *   file    …│····rrrr│rrrrrrrr│rrr·····│…      │ a page's end
 *   memory   │····rrrr│rrrrrrrr│rrr·····│       r rows, · what is read with them
 * </pre>
 */
public final class StoredFile implements AutoCloseable {
  /** Bytes of a request at most: the size at which two requests at a time saturate a disk. */
  public static final int REQUEST_BYTES = 4 << 20;

  private static final int PAGE = Footprint.PAGE_BYTES;

  /**
   * What was read through the page cache is dropped so many requests later: pages that have only
   * just come are still on their way into the kernel's lists, and to drop them waits for every
   * core.
   */
  private static final int LAG = 4;

  /**
   * The JDK's {@code ExtendedOpenOption.DIRECT}, by name: the compiler warns of every mention of
   * it, and a JDK need not have it.
   */
  private static final Optional<OpenOption> DIRECT = directOption();

  private final Path path;
  private final FileChannel channel;
  private final FileChannel direct; // null where it is refused
  private volatile Optional<PageCache> cache; // where pages have to be dropped
  private volatile boolean throughCache; // how pages are read
  private final long[] behindOffset = new long[LAG]; // read, and not yet dropped
  private final long[] behindBytes = new long[LAG];
  private int behind; // which is the oldest

  private StoredFile(
      Path path, FileChannel channel, FileChannel direct, Optional<PageCache> cache) {
    this.path = path;
    this.channel = channel;
    this.direct = direct;
    this.cache = cache;
    throughCache = direct == null;
  }

  /** Opens a file for reading. */
  public static StoredFile open(Path path) throws IOException {
    return open(path, StandardOpenOption.READ);
  }

  /** Opens a file for reading and writing, and makes it if it is not there. */
  public static StoredFile openForWriting(Path path) throws IOException {
    return open(path, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE);
  }

  /** Opens a file as where direct I/O is refused. */
  static StoredFile openBuffered(Path path, OpenOption... options) throws IOException {
    return new StoredFile(path, FileChannel.open(path, options), null, PageCache.open(path));
  }

  private static StoredFile open(Path path, OpenOption... options) throws IOException {
    var direct = openDirect(path, options);
    if (direct.isEmpty()) {
      return openBuffered(path, options);
    }
    try {
      return new StoredFile(path, FileChannel.open(path, options), direct.get(), Optional.empty());
    } catch (IOException | RuntimeException e) {
      direct.get().close();
      throw e;
    }
  }

  /** A channel past the page cache, if a page can be read through it. */
  private static Optional<FileChannel> openDirect(Path path, OpenOption... options)
      throws IOException {
    if (DIRECT.isEmpty()) {
      return Optional.empty();
    }
    var all = new ArrayList<>(List.of(options));
    all.add(DIRECT.get());
    FileChannel channel;
    try {
      channel = FileChannel.open(path, all.toArray(OpenOption[]::new));
    } catch (NoSuchFileException e) {
      throw e;
    } catch (IOException | UnsupportedOperationException e) {
      return Optional.empty();
    }
    try (var arena = Arena.ofConfined()) {
      channel.read(arena.allocate(PAGE, PAGE).asByteBuffer(), 0);
      return Optional.of(channel);
    } catch (IOException | UnsupportedOperationException e) {
      channel.close();
      return Optional.empty();
    }
  }

  private static Optional<OpenOption> directOption() {
    try {
      for (var option : Class.forName("com.sun.nio.file.ExtendedOpenOption").getEnumConstants()) {
        if (option.toString().equals("DIRECT")) {
          return Optional.of((OpenOption) option);
        }
      }
      return Optional.empty();
    } catch (ClassNotFoundException e) {
      return Optional.empty();
    }
  }

  public Path path() {
    return path;
  }

  /** Whether what is read and written in whole pages passes the page cache by. */
  public boolean isDirect() {
    return direct != null;
  }

  /** The channel for reads and writes of any length at any position. */
  public FileChannel channel() {
    return channel;
  }

  /**
   * Has whole pages read through the page cache, and dropped from it behind the reader, or past it
   * again where the file system allows that. Not while somebody reads.
   *
   * @return whether they are read so now: through the cache only where it can be told to forget
   */
  public boolean readThroughCache(boolean through) {
    if (through && cache.isEmpty()) {
      cache = PageCache.open(path);
    }
    dropAllBehind();
    throughCache = direct == null || through && cache.isPresent();
    return throughCache == through;
  }

  /** The channel that whole pages are read from. */
  FileChannel pages() {
    return throughCache ? channel : direct;
  }

  /** Writes a buffer, whole, anywhere. */
  public void write(ByteBuffer buffer, long offset) throws IOException {
    write(channel, buffer, offset);
  }

  /** Writes whole pages: the buffer's address and length and the offset are multiples of a page. */
  public void writePages(ByteBuffer buffer, long offset) throws IOException {
    write(direct == null ? channel : direct, buffer, offset);
  }

  /**
   * Reads whole pages: the buffer's address and length and the offset are multiples of a page.
   *
   * @return bytes that have come, fewer than asked for where the file ends; -1 behind its end
   */
  public int readPages(ByteBuffer buffer, long offset) throws IOException {
    int count = pages().read(buffer, offset);
    drop(offset, Math.max(count, 0));
    return count;
  }

  private static void write(FileChannel channel, ByteBuffer buffer, long offset)
      throws IOException {
    long at = offset - buffer.position();
    while (buffer.hasRemaining()) {
      channel.write(buffer, at + buffer.position());
    }
  }

  /** Cuts the file off, or fills it up with zeros, to a length. */
  public void truncate(long bytes) throws IOException {
    if (channel.size() > bytes) {
      channel.truncate(bytes);
    } else if (channel.size() < bytes) {
      channel.write(ByteBuffer.allocate(1), bytes - 1);
    }
  }

  /** Returns when all that was written is on the disk. */
  public void force() throws IOException {
    channel.force(true);
    if (throughCache) {
      forgetCached(0, 0);
    }
  }

  /**
   * What has been read is not needed again: the page cache forgets it soon, where it holds any of
   * it because of this file.
   */
  void drop(long offset, long bytes) {
    if (!throughCache) {
      return;
    }
    long oldestOffset;
    long oldestBytes;
    synchronized (behindOffset) {
      oldestOffset = behindOffset[behind];
      oldestBytes = behindBytes[behind];
      behindOffset[behind] = offset;
      behindBytes[behind] = bytes;
      behind = (behind + 1) % LAG;
    }
    if (oldestBytes > 0) {
      forgetCached(oldestOffset, oldestBytes);
    }
  }

  private void dropAllBehind() {
    synchronized (behindOffset) {
      for (int i = 0; i < LAG; i++) {
        if (behindBytes[i] > 0) {
          forgetCached(behindOffset[i], behindBytes[i]);
        }
        behindBytes[i] = 0;
      }
    }
  }

  /** Forgets what the page cache holds of a range, whoever brought it there. */
  void forgetCached(long offset, long bytes) {
    if (cache.isPresent()) {
      cache.get().drop(offset, bytes);
    }
  }

  /** How far behind a page's start a position lies. */
  public static int shift(long offset) {
    return (int) (offset % PAGE);
  }

  /**
   * The requests that bring a range of the file.
   *
   * @param what the range holds, for the user
   * @param room native memory that begins where a page does; the range goes to it, from {@link
   *     #shift} on. {@link Footprint#spanBytes} long
   */
  public List<Chunk> chunks(String what, long offset, long bytes, MemorySegment room) {
    if (room.address() % PAGE != 0) {
      throw new IllegalArgumentException(
          "memory at %x begins within a page".formatted(room.address()));
    }
    long start = offset - shift(offset);
    long end = Math.addExact(offset, bytes);
    var chunks = new ArrayList<Chunk>();
    for (long at = start; at < end; at += REQUEST_BYTES) {
      int needed = (int) Math.min(REQUEST_BYTES, end - at);
      int whole = (needed + PAGE - 1) / PAGE * PAGE;
      chunks.add(new Chunk(this, what, at, needed, room.asSlice(at - start, whole)));
    }
    return chunks;
  }

  @Override
  public void close() {
    dropAllBehind();
    try (channel) {
      if (direct != null) {
        direct.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException("closing " + path, e);
    } finally {
      cache.ifPresent(PageCache::close);
    }
  }
}
