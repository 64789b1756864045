package dev.stowage.runtime.weights;

import dev.stowage.runtime.parallel.WorkerPool;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The rows that are read into memory once and stay there. They are read in the order of the files,
 * which the disk and the system's read-ahead like best, and by several threads, since to touch new
 * memory and to copy to it takes as long as a fast disk takes to read.
 */
public final class Loading {
  /** Long enough to be one of few, short enough that no thread is left with a long last one. */
  private static final long PIECE = 8L << 20;

  private record Piece(RowSpan span, MemorySegment target) {}

  private final List<Piece> pieces = new ArrayList<>();

  /**
   * Has rows read; those with a known sum whole, as it says nothing of a piece.
   *
   * @param target native memory, as long as the rows
   */
  public void add(RowSpan rows, MemorySegment target) {
    if (rows.sum().isPresent()) {
      pieces.add(new Piece(rows, target));
      return;
    }
    for (long at = 0; at < rows.bytes(); at += PIECE) {
      long bytes = Math.min(PIECE, rows.bytes() - at);
      pieces.add(new Piece(rows.part(at, bytes), target.asSlice(at, bytes)));
    }
  }

  /**
   * Reads all that was added.
   *
   * @throws java.io.UncheckedIOException if a file ends early or fails
   */
  public void run(WorkerPool threads) {
    pieces.sort(
        Comparator.comparing((Piece piece) -> piece.span().file().path())
            .thenComparingLong(piece -> piece.span().offset()));
    threads.run(
        (worker, from, to) -> {
          for (var piece : pieces.subList(from, to)) {
            piece.span().reader(piece.target()).read();
          }
        },
        pieces.size(),
        1);
    pieces.clear();
  }
}
