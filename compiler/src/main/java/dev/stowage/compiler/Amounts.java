package dev.stowage.compiler;

import java.util.Locale;

/** Amounts in the unit a person would choose. */
public final class Amounts {
  private static final String[] BINARY = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};

  private Amounts() {}

  /** {@code 18.2 GiB}. */
  public static String bytes(double bytes) {
    int unit = 0;
    double value = bytes;
    while (Math.abs(value) >= 1024 && unit < BINARY.length - 1) {
      value /= 1024;
      unit++;
    }
    return unit == 0
        ? "%.0f B".formatted(value)
        : String.format(Locale.ROOT, "%.4g %s", value, BINARY[unit]);
  }

  /** {@code 2.31 s}, {@code 45.0 ms}. */
  public static String seconds(double seconds) {
    if (seconds >= 1 || seconds <= 0) {
      return String.format(Locale.ROOT, "%.4g s", seconds);
    }
    return seconds >= 1e-3
        ? String.format(Locale.ROOT, "%.4g ms", seconds * 1e3)
        : String.format(Locale.ROOT, "%.4g us", seconds * 1e6);
  }

  /** {@code 37.5 %}. */
  public static String share(double share) {
    return String.format(Locale.ROOT, "%.4g %%", 100 * share);
  }
}
