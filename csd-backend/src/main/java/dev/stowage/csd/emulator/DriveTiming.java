package dev.stowage.csd.emulator;

import dev.stowage.csd.flash.FlashGeometry;

/**
 * How fast the simulated drive is.
 *
 * @param channelRate bytes a second of one flash channel
 * @param pageRead seconds until a page is in its plane's register
 * @param pageProgram seconds until a page is programmed
 * @param programRate bytes a second that the planes of one channel program together
 * @param blockErase seconds to erase a block
 * @param linkRate bytes a second between host and drive, each way
 * @param engineRate bytes of keys and values a second that the attention engine takes
 * @param latency seconds of a command
 */
public record DriveTiming(
    double channelRate,
    double pageRead,
    double pageProgram,
    double programRate,
    double blockErase,
    double linkRate,
    double engineRate,
    double latency) {
  /**
   * A drive as InstInfer's (arXiv 2409.04992, section 6): 8 channels of 1.4 GB/s and a link of 7
   * GB/s, the engine just matching the flash. The paper gives no times of the flash itself: 40 µs,
   * 400 µs and 3 ms are usual for fast NAND, and assumed here, as is that it programs 5 GB/s
   * (prompts were written at 3.78 GB/s).
   */
  public static final DriveTiming INSTINFER =
      new DriveTiming(1.4e9, 40e-6, 400e-6, 0.625e9, 3e-3, 7e9, 11.2e9, 10e-6);

  /**
   * Seconds that a channel needs to read so many pages: planes read at the same time, and take
   * turns on the bus.
   */
  double read(FlashGeometry geometry, long pages) {
    double transfer = geometry.pageBytes() / channelRate;
    return pages == 0
        ? 0
        : pageRead + pages * Math.max(transfer, pageRead / geometry.planesPerChannel());
  }

  /** Seconds that a channel needs to program so many pages. */
  double program(FlashGeometry geometry, long pages) {
    return pages == 0
        ? 0
        : pageProgram + pages * geometry.pageBytes() / Math.min(channelRate, programRate);
  }

  /** Seconds to erase so many blocks: all planes of a superblock at the same time. */
  double erase(FlashGeometry geometry, long blocks) {
    return blocks * blockErase / geometry.planesPerChannel();
  }
}
