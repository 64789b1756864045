package dev.stowage.calibrate;

/**
 * How long is measured.
 *
 * @param rounds of kernels and of the disk that count
 * @param modelRounds of small models that count
 * @param models how many small models, of those there are
 * @param side rows and columns of the matrices that are multiplied
 * @param warmSeconds for how long each kernel runs before it is timed
 * @param timedSeconds for how long, about, a piece runs each time it is timed
 * @param modelWarmSeconds for how long each small model runs before it is timed
 * @param seconds after how long no further round begins; a fifth of it for the disk, a third for
 *     the models, the rest for kernels
 * @param diskRows of 4 KiB that the scratch file for reading has, twice
 */
public record Effort(
    int rounds,
    int modelRounds,
    int models,
    int side,
    double warmSeconds,
    double timedSeconds,
    double modelWarmSeconds,
    double seconds,
    int diskRows) {
  /** Under a minute in all. */
  public static final Effort QUICK = new Effort(5, 5, 4, 1024, 0.03, 0.003, 0.5, 40, 8192);

  public static final Effort FULL = new Effort(9, 15, 4, 1024, 0.1, 0.01, 2, 180, 32768);
}
