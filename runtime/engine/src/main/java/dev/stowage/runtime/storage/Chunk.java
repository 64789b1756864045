package dev.stowage.runtime.storage;

import dev.stowage.plan.Footprint;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/** A request for neighbouring pages. */
public final class Chunk implements Request {
  private final StoredFile file;
  private final String what;
  private final long offset;
  private final int needed;
  private final ByteBuffer target;

  /**
   * @param needed bytes that have to come; the rest of the last page may lie behind the file's end
   */
  Chunk(StoredFile file, String what, long offset, int needed, MemorySegment target) {
    this.file = file;
    this.what = what;
    this.offset = offset;
    this.needed = needed;
    this.target = target.asByteBuffer();
  }

  StoredFile file() {
    return file;
  }

  /** Has the page cache forget it. */
  void forgetCached() {
    file.forgetCached(offset, target.capacity());
  }

  @Override
  public long bytes() {
    return needed;
  }

  @Override
  public void read() {
    target.clear();
    try {
      while (target.position() < needed) {
        int before = target.position();
        int count = file.pages().read(target, offset + before);
        int after = before + Math.max(count, 0);
        if (after < needed) {
          after -= after % Footprint.PAGE_BYTES; // requests go on from whole pages only
        }
        if (after == before) {
          throw failure(
              "the file ends at byte %d of %d".formatted(file.channel().size(), offset + needed),
              new IOException("short read"));
        }
        target.position(after);
      }
    } catch (IOException e) {
      throw failure(String.valueOf(e), e);
    }
    file.drop(offset, target.capacity());
  }

  private UncheckedIOException failure(String problem, IOException cause) {
    return new UncheckedIOException(
        "%s: reading %s: %s".formatted(file.path(), what, problem), cause);
  }
}
