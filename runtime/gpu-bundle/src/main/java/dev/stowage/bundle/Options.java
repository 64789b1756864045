package dev.stowage.bundle;

import java.nio.file.Path;
import java.util.Optional;

/**
 * What {@code check-gpu} was asked for.
 *
 * @param placements how many random placements are checked
 * @param quick less of everything
 * @param kernelsOnly nothing but agreement of the kernels
 * @param sanitize agreement of the kernels also under compute-sanitizer
 * @param flexgen a checkout of FlexGen to run beside
 * @param out where the results go
 */
record Options(
    int placements,
    long seed,
    boolean quick,
    boolean kernelsOnly,
    boolean sanitize,
    Optional<Path> flexgen,
    Path out) {
  static final String USAGE =
      "usage: check-gpu [--placements N] [--seed N] [--quick] [--kernels] [--sanitize] [--flexgen FOLDER] [--out FILE]";

  /**
   * Reads arguments.
   *
   * @throws IllegalArgumentException with a line for the user
   */
  static Options of(String... arguments) {
    int placements = 50;
    long seed = 20_260_101;
    boolean quick = false;
    boolean kernelsOnly = false;
    boolean sanitize = false;
    var flexgen = Optional.<Path>empty();
    var out = Path.of("results.json");
    for (int i = 0; i < arguments.length; i++) {
      var option = arguments[i];
      switch (option) {
        case "--quick" -> quick = true;
        case "--kernels" -> kernelsOnly = true;
        case "--sanitize" -> sanitize = true;
        case "--placements", "--seed", "--flexgen", "--out" -> {
          if (++i == arguments.length) {
            throw new IllegalArgumentException(option + " needs a value");
          }
          var value = arguments[i];
          switch (option) {
            case "--placements" ->
                placements = Math.clamp(number(option, value), -1, Integer.MAX_VALUE);
            case "--seed" -> seed = number(option, value);
            case "--flexgen" -> flexgen = Optional.of(Path.of(value));
            default -> out = Path.of(value);
          }
        }
        default -> throw new IllegalArgumentException("there is no " + option);
      }
    }
    if (placements < 0) {
      throw new IllegalArgumentException("--placements cannot be " + placements);
    }
    return new Options(placements, seed, quick, kernelsOnly, sanitize, flexgen, out);
  }

  private static long number(String option, String value) {
    try {
      return Long.parseLong(value);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("%s is no number: %s".formatted(option, value), e);
    }
  }
}
