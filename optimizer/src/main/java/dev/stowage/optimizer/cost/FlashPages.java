package dev.stowage.optimizer.cost;

import dev.stowage.optimizer.Problem;
import dev.stowage.plan.DriveMemory;
import dev.stowage.plan.ElementType;

/**
 * Tokens of a sequence that a drive keeps on its flash: its keys and values are programmed when
 * they fill a page of each head, and wait in the drive's DRAM until then. A drive that is told to
 * gather more tokens reads less of its flash than is said here.
 */
public final class FlashPages {
  private FlashPages() {}

  /** Tokens of a page: of rows that are longer than a page, one. */
  public static int tokens(ElementType kvType, int headDim) {
    return (int) Math.max(1, DriveMemory.PAGE_BYTES / kvType.rowBytes(headDim));
  }

  static int tokens(Problem problem) {
    return tokens(problem.kvType(), problem.shape().headDim());
  }

  /** What of so many tokens fills pages. */
  public static int whole(int tokens, int page) {
    return tokens / page * page;
  }

  /**
   * The sum of {@link #whole} over steps that each find a token more.
   *
   * @param first what the first finds, at least 0 and at most {@code most} counting
   */
  static double sumOfWhole(long first, long steps, int most, int page) {
    long from = Math.clamp(first, 0, most);
    long to = Math.clamp(first + steps, from, most);
    long beyond = Math.max(0, first + steps - Math.max(first, most));
    return page * (sum(to, page) - sum(from, page)) + (double) beyond * whole(most, page);
  }

  /** {@code Σ ⌊x / page⌋} of all x below. */
  private static double sum(long below, int page) {
    long pages = below / page;
    return page * (pages * (pages - 1) / 2.0) + (double) pages * (below % page);
  }
}
