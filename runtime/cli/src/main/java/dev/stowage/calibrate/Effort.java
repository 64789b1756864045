package dev.stowage.calibrate;

/**
 * How long is measured.
 *
 * @param rounds that count: of kernels and small models, and of the disk
 * @param models how many small models, of those there are
 * @param side rows and columns of the matrices that are multiplied
 * @param warmSeconds for how long each kernel runs before it is timed
 * @param timedSeconds for how long, about, a piece runs each time it is timed
 * @param modelWarmSeconds for how long each small model runs before it is timed
 * @param seconds after how long no further round begins; a quarter of it for the disk, the rest for
 *     kernels and models
 * @param diskRows of 4 KiB that the scratch file for reading has, twice
 */
public record Effort(
    int rounds,
    int models,
    int side,
    double warmSeconds,
    double timedSeconds,
    double modelWarmSeconds,
    double seconds,
    int diskRows) {
  /** Under a minute in all. */
  public static final Effort QUICK = new Effort(9, 4, 1024, 0.1, 0.004, 0.7, 44, 8192);

  public static final Effort FULL = new Effort(21, 4, 1024, 0.3, 0.01, 3, 180, 32768);
}
