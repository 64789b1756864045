package dev.stowage.optimizer.cost;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Sparsity;

/**
 * How much less attention takes that reads a part of its region, against one that reads all. Of the
 * {@code 2 · d} numbers of a token, choosing reads {@code r} of its key, then a part {@code p} of
 * the tokens is read whole (InstAttention, HPCA 2025, algorithm 1; SparQ, arXiv 2312.04985):
 *
 * <pre>
 * numbers  r / (2 d) + p
 * csd      bytes   ½ (1 − (1 − r/d)^m) + 1 − (1 − p)^(g · 0.417)      engine  numbers
 * others   bytes   min(1, 3.2 · numbers)                              engine  the same
 * </pre>
 *
 * A drive reads whole flash pages of 4 KiB: {@code g} tokens of one head, or {@code m = 2} channels
 * of many tokens. Chosen tokens cluster: a page of 16 counts like 6.7 independent ones, fitted so
 * that an eighth of the bytes costs 0.467 of dense flash time, as InstAttention's scaling over 20
 * drives implies. Hosts and GPUs gather short runs: SparQ's measured 2.5 times for an eighth of the
 * bytes.
 *
 * @param bytes part of the bytes that a memory or the flash delivers
 * @param engine part of the work that computes
 */
public record SparseRead(double bytes, double engine) {
  private static final double PAGE_BYTES = 4096;
  private static final double CHANNELS_OF_A_PAGE = 2;
  private static final double CLUSTERED = 0.417;
  private static final double GATHER = 3.2;

  /**
   * Of a region.
   *
   * @param at what kind of device attends over it
   */
  public static SparseRead of(
      ModelShape shape, ElementType kvType, DeviceKind at, KvRegion region) {
    if (region.sparsity().isEmpty()) {
      return new SparseRead(1, 1);
    }
    var sparsity = region.sparsity().get();
    int width = shape.headDim();
    double channels = Math.min(1, (double) sparsity.channels() / width);
    double numbers = Math.min(1, channels / 2 + sparsity.tokenShare());
    if (at == DeviceKind.CSD) {
      return new SparseRead(flash(kvType.rowBytes(width), sparsity, channels), numbers);
    }
    double gathered = Math.min(1, GATHER * numbers);
    return new SparseRead(gathered, gathered);
  }

  private static double flash(long rowBytes, Sparsity sparsity, double channels) {
    double tokens = Math.max(1, PAGE_BYTES / rowBytes);
    double chosen = Math.max(1, tokens * CLUSTERED);
    double choosing = (1 - Math.pow(1 - channels, CHANNELS_OF_A_PAGE)) / 2;
    return Math.min(1, choosing + 1 - Math.pow(1 - sparsity.tokenShare(), chosen));
  }
}
