package dev.stowage.gpu;

import dev.stowage.plan.ElementType;
import jcuda.driver.CUfunction;

/**
 * Attention to keys and values of one type on tensor cores ({@code attention.cuh}): which of its
 * kernels takes a call. Heads up to 64 wide have kernels of their own, wider ones are taken in
 * parts of 128. Kernels for few and for many queries sum in the same order, so that how many there
 * are changes no bit.
 */
final class TensorAttention {
  private static final int THREADS = 128;
  private static final int WARP_SLOTS = 16; // as in attention.cuh
  private static final int WARPS = 4;
  private static final int TOKENS = 64;

  /** Blocks that fill a GPU: with so many, none needs to share its tokens with others. */
  private static final long ENOUGH = 256;

  private final Kernel[] narrow; // for few queries of a key head, then for many
  private final Kernel[] wide;

  // what was chosen for a call; kept here, as a step of decode allocates nothing
  private Kernel chosen;
  private int together;
  private int blocksOfRow;
  private boolean alone;

  /** A kernel, the queries that a block takes and its shared memory. */
  private record Kernel(CUfunction function, int slots, int part, int sharedBytes) {
    static Kernel of(Cuda cuda, String name, int slots, int part) {
      int bytes = (slots + TOKENS) * (part + 16) * Float.BYTES;
      if (slots == WARP_SLOTS) {
        bytes += slots * (TOKENS + 8) * Float.BYTES;
      }
      return new Kernel(cuda.function(name, bytes), slots, part, bytes);
    }
  }

  /**
   * Whether a GPU has such kernels: they take code for compute capability 8.0, which a GPU newer
   * than our binaries does not have.
   */
  static boolean runsOn(Cuda cuda) {
    return cuda.compiledFor(cuda.function("attention_whole_64_few")) >= 80;
  }

  TensorAttention(ElementType type, Cuda cuda) {
    narrow = kernels(type, cuda, 64);
    wide = kernels(type, cuda, 128);
  }

  private static Kernel[] kernels(ElementType type, Cuda cuda, int part) {
    boolean whole = type == ElementType.F16 || type == ElementType.BF16;
    String name = "attention_" + (whole ? "whole_" : "cut_") + part;
    return new Kernel[] {
      Kernel.of(cuda, name + "_few", WARP_SLOTS, part),
      Kernel.of(cuda, name + "_many", WARP_SLOTS * WARPS, part)
    };
  }

  /**
   * Chooses for a call, until the next.
   *
   * @param shared whether rows that follow each other mostly have the same keys
   */
  void choose(int rows, boolean shared, int group, int kvHeads, int headDim) {
    var kernels = headDim <= 64 ? narrow : wide;
    int queries = shared ? rows * group : group;
    chosen = kernels[queries > WARP_SLOTS ? 1 : 0];
    together = shared ? Math.max(1, chosen.slots / group) : 1;
    int tiles = (group + chosen.slots - 1) / chosen.slots;
    int parts = (headDim + chosen.part - 1) / chosen.part;
    blocksOfRow = kvHeads * tiles * parts;
    alone = blocks(rows) * blocksOfRow >= ENOUGH;
  }

  /** Rows that a block takes. */
  int together() {
    return together;
  }

  /** Whether the call fills a GPU without sharing a row's tokens among blocks. */
  boolean alone() {
    return alone;
  }

  private long blocks(int rows) {
    return (rows + together - 1L) / together;
  }

  void launch(Launcher launcher, int rows, int splits) {
    launcher.blocks(
        chosen.function, blocks(rows) * splits, blocksOfRow, THREADS, chosen.sharedBytes);
  }
}
