package dev.stowage.plan;

/**
 * Bytes of a computational drive's own memory (DRAM) that a KV region takes, beside its flash:
 *
 * <pre>
 * 2 · s · t · row            keys and values that wait until they fill pages
 * + 4 · s · d                where attention is sparse: sums of all values,
 * + (c/g + 2) · group + page   and keys on their way into pages by channel
 * + group                    where numbers are quantized: a group on its way to its pages
 * </pre>
 *
 * with {@code s} heads of all layers and sequences, rows of {@code d} numbers, groups of {@code g}
 * tokens, {@code c} tokens a page by channel, and {@code t} tokens that are gathered: whole groups,
 * at least one, and no more than the region has.
 */
public final class DriveMemory {
  /** Bytes of a page of the drives that are emulated. */
  public static final int PAGE_BYTES = 4096;

  private DriveMemory() {}

  /**
   * Bytes that a region takes of its drive.
   *
   * @param writeBack tokens of a sequence that gather before they are programmed; 0 for a group
   */
  public static double bytes(ModelShape shape, ElementType type, KvRegion region, int writeBack) {
    return bytes(
        (long) region.sequences().size() * region.layers().size() * region.heads().size(),
        region.tokens().size(),
        shape.headDim(),
        type,
        region.sparsity().map(Sparsity::channels).orElse(0),
        writeBack,
        PAGE_BYTES);
  }

  /**
   * The same of a region of other pages.
   *
   * @param streams heads of all layers and sequences
   * @param tokens most tokens of a sequence
   * @param chosenChannels by which sparse attention chooses; 0 where attention reads all
   */
  public static double bytes(
      long streams,
      int tokens,
      int headDim,
      ElementType type,
      int chosenChannels,
      int writeBack,
      int pageBytes) {
    int rowBytes = Math.toIntExact(type.rowBytes(headDim));
    var groups = TokenGroups.of(rowBytes, pageBytes);
    double gathered = Math.min((double) groups.gathered(writeBack), tokens);
    double bytes = 2.0 * streams * gathered * rowBytes;
    if (chosenChannels > 0 && !type.quantized()) {
      int numbers = pageBytes / type.bytes();
      int together = SparseReads.channelsOfPage(chosenChannels, headDim, numbers, tokens);
      bytes += (double) Float.BYTES * streams * headDim;
      bytes += (numbers / together / groups.tokens() + 2.0) * groups.bytes() + pageBytes;
    }
    return type.quantized() ? bytes + groups.bytes() : bytes;
  }
}
