package dev.stowage.csd.flash;

import dev.stowage.plan.DriveMemory;

/**
 * How a drive's flash is built. Pages are numbered so that a <em>superblock</em> — the blocks of
 * one number on all dies and planes of a channel, erased together — is one run of pages, in which
 * neighbours lie on different planes and so can be read at the same time.
 *
 * @param channels buses to the flash, each with its own dies
 * @param dies dies of a channel
 * @param planes planes of a die
 * @param blocks blocks of a plane
 * @param pagesPerBlock pages of a block
 * @param pageBytes bytes of a page, without its spare bytes
 */
public record FlashGeometry(
    int channels, int dies, int planes, int blocks, int pagesPerBlock, int pageBytes) {
  /**
   * Superblocks of a channel that the translation keeps free of data, to have room to move pages
   * to.
   */
  public static final int SPARE_SUPERBLOCKS = 2;

  private static final int CHANNELS = 8;
  private static final int DIES = 4;
  private static final int PLANES = 4;
  private static final int OVER_PROVISION_PERCENT = 28;

  public FlashGeometry {
    boolean positive = channels > 0 && dies > 0 && planes > 0 && blocks > 0 && pagesPerBlock > 0;
    if (!positive
        || channels > 256
        || (long) dies * planes > 1024
        || pagesPerBlock > Character.MAX_VALUE
        || pageBytes < 64
        || pageBytes > 1 << 16
        || pageBytes % 64 != 0) {
      throw new IllegalArgumentException(
          "no flash has %d channels of %d dies of %d planes of %d blocks of %d pages of %d bytes"
              .formatted(channels, dies, planes, blocks, pagesPerBlock, pageBytes));
    }
    if ((double) channels * dies * planes * blocks * pagesPerBlock > Integer.MAX_VALUE) {
      throw new IllegalArgumentException("an emulated drive has at most 2^31 - 1 pages");
    }
  }

  /**
   * The geometry of a drive that sells so many bytes: 8 channels of 4 × 4 planes with 4 KiB pages
   * (the channels and pages of InstInfer's drive, arXiv 2409.04992, section 6; planes enough to
   * keep a channel of 1.4 GB/s busy), 28 % over-provisioned, which covers the padding of token
   * groups.
   */
  public static FlashGeometry forCapacity(long bytes) {
    if (bytes < 0) {
      throw new IllegalArgumentException("a capacity of " + bytes + " bytes");
    }
    double raw = bytes * (1 + OVER_PROVISION_PERCENT / 100.0);
    double perPlane =
        Math.ceil(raw / ((double) CHANNELS * DIES * PLANES * DriveMemory.PAGE_BYTES)) + 1;
    int pagesPerBlock = 256;
    while (pagesPerBlock > 16 && perPlane / pagesPerBlock < 16) {
      pagesPerBlock /= 2;
    }
    double blocks = Math.ceil(perPlane / pagesPerBlock) + SPARE_SUPERBLOCKS;
    if (blocks * pagesPerBlock * CHANNELS * DIES * PLANES > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "an emulated drive of %d bytes has too many pages; 6 TiB is about the most"
              .formatted(bytes));
    }
    return new FlashGeometry(
        CHANNELS, DIES, PLANES, (int) blocks, pagesPerBlock, DriveMemory.PAGE_BYTES);
  }

  /** Planes of a channel, which work at the same time. */
  public int planesPerChannel() {
    return dies * planes;
  }

  public int pagesPerSuperblock() {
    return planesPerChannel() * pagesPerBlock;
  }

  /** Superblocks of all channels; superblock {@code s} belongs to channel {@code s / blocks}. */
  public int superblocks() {
    return channels * blocks;
  }

  public int pages() {
    return superblocks() * pagesPerSuperblock();
  }

  /** Pages that may hold data at the same time. */
  public int usablePages() {
    return Math.max(0, blocks - SPARE_SUPERBLOCKS) * channels * pagesPerSuperblock();
  }

  public int channelOf(int page) {
    return page / pagesPerSuperblock() / blocks;
  }

  public int superblockOf(int page) {
    return page / pagesPerSuperblock();
  }

  /** The block of a page, counted over the whole drive. */
  public int blockOf(int page) {
    return superblockOf(page) * planesPerChannel() + page % planesPerChannel();
  }

  /** The place of a page in its block. */
  public int pageInBlock(int page) {
    return page % pagesPerSuperblock() / planesPerChannel();
  }
}
