package dev.stowage.csd.emulator;

import dev.stowage.csd.flash.FlashImage;

/**
 * Adds up the seconds that a real drive would have taken, from what the flash did since the last
 * command.
 */
final class VirtualClock {
  private final DriveTiming timing;
  private final FlashImage flash;
  private final long[] read;
  private final long[] programmed;
  private long erased;
  private double append;
  private double attend;

  VirtualClock(DriveTiming timing, FlashImage flash) {
    this.timing = timing;
    this.flash = flash;
    read = new long[flash.geometry().channels()];
    programmed = new long[flash.geometry().channels()];
  }

  /**
   * {@code t = latency + max(link, programming, and collecting before it)}: a drive programs what
   * it has received while it receives more.
   */
  void appended(long bytesIn, long bytesOut) {
    append += timing.latency() + Math.max((bytesIn + bytesOut) / timing.linkRate(), flash());
  }

  /**
   * {@code t = latency + link + max(flash, engine)}: reading the next pages overlaps with
   * computing.
   */
  void attended(long bytesIn, long bytesOut, double engineBytes) {
    attend +=
        timing.latency()
            + (bytesIn + bytesOut) / timing.linkRate()
            + Math.max(flash(), engineBytes / timing.engineRate());
  }

  double appendSeconds() {
    return append;
  }

  double attendSeconds() {
    return attend;
  }

  /** {@code max over channels of reading and programming}, and erasing. */
  private double flash() {
    var geometry = flash.geometry();
    double longest = 0;
    for (int c = 0; c < read.length; c++) {
      double busy =
          timing.read(geometry, flash.pagesRead(c) - read[c])
              + timing.program(geometry, flash.pagesProgrammed(c) - programmed[c]);
      longest = Math.max(longest, busy);
      read[c] = flash.pagesRead(c);
      programmed[c] = flash.pagesProgrammed(c);
    }
    double erasing = timing.erase(geometry, flash.blocksErased() - erased);
    erased = flash.blocksErased();
    return longest + erasing;
  }
}
