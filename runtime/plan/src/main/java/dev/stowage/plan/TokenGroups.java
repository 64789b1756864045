package dev.stowage.plan;

/**
 * How a drive cuts the keys, or the values, of one head into flash pages. A group of {@code tokens}
 * rows, one after another, fills {@code pages} pages; what is left at the end is padding. Rows may
 * straddle pages, numbers never do.
 *
 * @param rowBytes bytes of one token's row of one head
 */
public record TokenGroups(int rowBytes, int tokens, int pages) {
  private static final int PADDING_LIMIT = 8;

  /**
   * The smallest group, in pages, of whose bytes at most one eighth is padding. Such a group always
   * exists.
   */
  public static TokenGroups of(int rowBytes, int pageBytes) {
    if (rowBytes < 1 || rowBytes > 1 << 24) {
      throw new IllegalArgumentException("a row of " + rowBytes + " bytes");
    }
    int pages = Math.ceilDiv(rowBytes, pageBytes);
    while (padding(rowBytes, pages * pageBytes) * PADDING_LIMIT > (long) pages * pageBytes) {
      pages++;
    }
    return new TokenGroups(rowBytes, pages * pageBytes / rowBytes, pages);
  }

  private static long padding(int rowBytes, int bytes) {
    return bytes % rowBytes;
  }

  /** Tokens of the whole groups that so many tokens are; of one group at least. */
  public int gathered(int atLeast) {
    return Math.max(1, atLeast / tokens) * tokens;
  }

  /** Bytes of a group's rows, without padding. */
  public int bytes() {
    return rowBytes * tokens;
  }
}
