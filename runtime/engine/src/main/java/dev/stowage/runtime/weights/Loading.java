package dev.stowage.runtime.weights;

import dev.stowage.plan.Footprint;
import dev.stowage.runtime.parallel.Background;
import dev.stowage.runtime.storage.Chunk;
import dev.stowage.runtime.storage.StoredFile;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The rows that are read into memory once and stay there. They are read in the order of the files,
 * which the disk and the system's read-ahead like best, and by several threads, since to touch new
 * memory and to copy to it takes as long as a fast disk takes to read.
 *
 * <p>Where memory is scarce, most of them pass the page cache by. Through it, the system would read
 * ahead what stays on the disk as well, and hold all of it. They come to windows of memory that
 * disks fill fast, and are copied from there.
 */
public final class Loading {
  /** Long enough to be one of few, short enough that no thread is left with a long last one. */
  private static final long PIECE = 8L << 20;

  /** What a thread reads past the page cache at a time: a request, and then a copy. */
  private static final long WINDOW = 2L << 20;

  /** Rows of so many bytes fit a window wherever in a page they begin. */
  private static final long WINDOW_ROWS = WINDOW - 2 * Footprint.PAGE_BYTES;

  /** Requests that a disk has at hand while all cores copy what has come. */
  private static final int REQUESTS = 4;

  private record Piece(RowSpan span, MemorySegment target, boolean pages) {}

  private final MemorySegment windows; // null where rows are read through the page cache
  private final List<Piece> pieces = new ArrayList<>();

  private Loading(MemorySegment windows) {
    this.windows = windows;
  }

  /** Rows that are read through the page cache. */
  public static Loading throughCache() {
    return new Loading(null);
  }

  /**
   * Rows that are read past the page cache, where they are many enough.
   *
   * @param windows memory that begins where a page does, and that nobody else uses meanwhile
   */
  public static Loading pastCache(MemorySegment windows) {
    if (windows.byteSize() < WINDOW) {
      throw new IllegalArgumentException("a window of %d bytes".formatted(windows.byteSize()));
    }
    return new Loading(windows);
  }

  /**
   * Has rows read; those with a known sum whole, as it says nothing of a piece.
   *
   * @param target native memory, as long as the rows
   */
  public void add(RowSpan rows, MemorySegment target) {
    boolean pages = windows != null && rows.inPages();
    if (rows.sum().isPresent()) {
      pieces.add(new Piece(rows, target, pages));
      return;
    }
    long count = Math.ceilDiv(rows.bytes(), pages ? WINDOW_ROWS : PIECE);
    for (long i = 0; i < count; i++) {
      long from = rows.bytes() * i / count;
      long bytes = rows.bytes() * (i + 1) / count - from;
      pieces.add(new Piece(rows.part(from, bytes), target.asSlice(from, bytes), pages));
    }
  }

  /**
   * Begins to read all that was added. The files and the memory have to stay until that ends.
   *
   * @param cores that copy what has come
   * @return what throws {@link java.io.UncheckedIOException} if a file ends early or fails
   */
  public Background start(int cores) {
    pieces.sort(
        Comparator.comparing((Piece piece) -> piece.span().file().path())
            .thenComparingLong(piece -> piece.span().offset()));
    int threads =
        windows == null ? cores : (int) Math.min(cores + REQUESTS, windows.byteSize() / WINDOW);
    return Background.start("stowage-load", threads, pieces.size(), this::read);
  }

  private void read(int thread, int number) {
    var piece = pieces.get(number);
    if (piece.pages()) {
      readPages(piece.span(), piece.target(), windows.asSlice(thread * WINDOW, WINDOW));
    } else {
      piece.span().reader(piece.target()).read();
    }
  }

  private static void readPages(RowSpan rows, MemorySegment target, MemorySegment window) {
    for (long at = 0; at < rows.bytes(); at += WINDOW_ROWS) {
      long offset = rows.offset() + at;
      long bytes = Math.min(WINDOW_ROWS, rows.bytes() - at);
      rows.chunks(at, bytes, window).forEach(Chunk::read);
      MemorySegment.copy(window, StoredFile.shift(offset), target, at, bytes);
    }
    if (rows.sum().isPresent()) {
      WeightLoad.check(rows, target);
    }
  }
}
