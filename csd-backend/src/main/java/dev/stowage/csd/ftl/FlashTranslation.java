package dev.stowage.csd.ftl;

import dev.stowage.csd.flash.FlashException;
import dev.stowage.csd.flash.FlashGeometry;
import dev.stowage.csd.flash.FlashImage;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A page-mapped translation from the logical pages of regions to flash pages. Every channel writes
 * to one open superblock; when its last free superblock but one is used up, the closed superblock
 * with the fewest valid pages is emptied into the last free one and erased. Because the pages
 * promised to regions leave {@link FlashGeometry#SPARE_SUPERBLOCKS} superblocks a channel free of
 * data, there is always one whose collection gains a page: a write within what was promised never
 * fails for want of room.
 */
public final class FlashTranslation {
  private static final int UNMAPPED = -1;
  private static final int NONE = -1;
  private static final int REGIONS = 1 << 16;

  private final FlashImage flash;
  private final FlashGeometry geometry;
  private final int[][] maps = new int[REGIONS][];
  private final int[] validPages;
  private final boolean[] closed;
  private final int[] channelValid;
  private final int[] open;
  private final int[] openNext;
  private final int[] free;
  private final int[] freeHead;
  private final int[] freeCount;
  private final int channelLimit;
  private final MemorySegment zeros;
  private long promised;
  private long moved;

  public FlashTranslation(FlashImage flash) {
    this.flash = flash;
    geometry = flash.geometry();
    int channels = geometry.channels();
    int blocks = geometry.blocks();
    if (blocks <= FlashGeometry.SPARE_SUPERBLOCKS) {
      throw new IllegalArgumentException(
          "a flash of " + blocks + " blocks a plane has no room for data");
    }
    validPages = new int[geometry.superblocks()];
    closed = new boolean[geometry.superblocks()];
    channelValid = new int[channels];
    open = new int[channels];
    openNext = new int[channels];
    free = new int[geometry.superblocks()];
    freeHead = new int[channels];
    freeCount = new int[channels];
    channelLimit = (blocks - FlashGeometry.SPARE_SUPERBLOCKS) * geometry.pagesPerSuperblock();
    zeros = MemorySegment.ofArray(new byte[geometry.pageBytes()]);
    Arrays.fill(open, NONE);
    Arrays.fill(freeCount, blocks);
    Arrays.setAll(free, s -> s);
  }

  /**
   * Sets aside logical pages for a region, all unmapped.
   *
   * @throws CapacityException if they do not fit beside what was set aside before
   */
  public void openRegion(int region, long pages) {
    if (maps[region] != null) {
      throw new IllegalStateException("region " + region + " is open");
    }
    if (pages > geometry.usablePages() - promised) {
      throw new CapacityException(
          "%d flash pages of %d bytes are needed, and %d of %d are left"
              .formatted(
                  pages,
                  geometry.pageBytes(),
                  geometry.usablePages() - promised,
                  geometry.usablePages()));
    }
    maps[region] = new int[(int) pages];
    Arrays.fill(maps[region], UNMAPPED);
    promised += pages;
  }

  /** Frees a region's pages and forgets it. */
  public void closeRegion(int region) {
    for (int page = 0; page < maps[region].length; page++) {
      discard(region, page);
    }
    promised -= maps[region].length;
    maps[region] = null;
  }

  /** Reads a mapped page into the flash's register. */
  public void read(int region, int page) {
    int at = maps[region][page];
    if (at == UNMAPPED) {
      throw new IllegalStateException("page " + page + " of region " + region + " is not mapped");
    }
    flash.read(at);
    if (flash.key() != key(region, page)) {
      throw new FlashException(
          "flash page %d holds %x instead of page %d of region %d"
              .formatted(at, flash.key(), page, region));
    }
  }

  /**
   * Writes a page anew.
   *
   * @param channel where it should go, if that channel has room
   * @param bytes taken from the source; the rest of the page is zero
   */
  public void write(
      int region, int page, int channel, MemorySegment source, long offset, int bytes) {
    discard(region, page);
    int to = allocate(roomy(channel));
    MemorySegment.copy(source, offset, flash.register(), 0, bytes);
    MemorySegment.copy(zeros, 0, flash.register(), bytes, geometry.pageBytes() - bytes);
    program(to, region, page);
  }

  /** Frees a page; its flash page is collected later. */
  public void discard(int region, int page) {
    int at = maps[region][page];
    if (at != UNMAPPED) {
      maps[region][page] = UNMAPPED;
      validPages[geometry.superblockOf(at)]--;
      channelValid[geometry.channelOf(at)]--;
    }
  }

  /** Pages that hold data. */
  public long validPages() {
    long sum = 0;
    for (int valid : channelValid) {
      sum += valid;
    }
    return sum;
  }

  /** Pages that were programmed again to empty a superblock. */
  public long movedPages() {
    return moved;
  }

  private int roomy(int preferred) {
    if (channelValid[preferred] < channelLimit) {
      return preferred;
    }
    int best = 0;
    for (int c = 1; c < channelValid.length; c++) {
      if (channelValid[c] < channelValid[best]) {
        best = c;
      }
    }
    if (channelValid[best] >= channelLimit) {
      throw new IllegalStateException("more pages were promised than there are");
    }
    return best;
  }

  /**
   * The next page of a channel's open superblock, which has room afterwards. May use the register.
   */
  private int allocate(int channel) {
    if (open[channel] == NONE || openNext[channel] == geometry.pagesPerSuperblock()) {
      openAnother(channel);
    }
    if (freeCount[channel] == 0) {
      collect(channel);
    }
    return open[channel] * geometry.pagesPerSuperblock() + openNext[channel];
  }

  private void openAnother(int channel) {
    if (open[channel] != NONE) {
      closed[open[channel]] = true;
    }
    int blocks = geometry.blocks();
    open[channel] = free[channel * blocks + freeHead[channel]];
    openNext[channel] = 0;
    freeHead[channel] = (freeHead[channel] + 1) % blocks;
    freeCount[channel]--;
  }

  private void collect(int channel) {
    int blocks = geometry.blocks();
    int victim = NONE;
    for (int s = channel * blocks; s < (channel + 1) * blocks; s++) {
      if (closed[s] && (victim == NONE || validPages[s] < validPages[victim])) {
        victim = s;
      }
    }
    int first = victim * geometry.pagesPerSuperblock();
    for (int i = 0; i < geometry.pagesPerSuperblock() && validPages[victim] > 0; i++) {
      move(first + i, channel);
    }
    for (int plane = 0; plane < geometry.planesPerChannel(); plane++) {
      flash.erase(victim * geometry.planesPerChannel() + plane);
    }
    closed[victim] = false;
    free[channel * blocks + (freeHead[channel] + freeCount[channel]) % blocks] = victim;
    freeCount[channel]++;
  }

  private void move(int from, int channel) {
    flash.read(from);
    int region = (int) (flash.key() >>> 48);
    int page = (int) flash.key();
    if (maps[region] != null && page < maps[region].length && maps[region][page] == from) {
      program(open[channel] * geometry.pagesPerSuperblock() + openNext[channel], region, page);
      moved++;
    }
  }

  private void program(int to, int region, int page) {
    flash.program(to, key(region, page));
    discard(region, page);
    openNext[geometry.channelOf(to)]++;
    maps[region][page] = to;
    validPages[geometry.superblockOf(to)]++;
    channelValid[geometry.channelOf(to)]++;
  }

  private static long key(int region, int page) {
    return (long) region << 48 | page;
  }
}
