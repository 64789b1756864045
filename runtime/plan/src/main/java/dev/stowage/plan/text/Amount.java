package dev.stowage.plan.text;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Locale;

/** Amounts as people read them. */
public final class Amount {
  private static final String[] BYTES = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};

  private Amount() {}

  /** {@code 18.2 GiB}. */
  public static String bytes(long bytes) {
    double value = bytes;
    int unit = 0;
    while (value >= 1024 && unit < BYTES.length - 1) {
      value /= 1024;
      unit++;
    }
    return unit == 0 ? bytes + " B" : format("%.1f %s", value, BYTES[unit]);
  }

  /** Parameters, in thousands, millions or billions. */
  public static String count(long count) {
    if (count < 10_000) {
      return Long.toString(count);
    }
    if (count < 1_000_000) {
      return format("%.1f K", count / 1e3);
    }
    return count < 1_000_000_000 ? format("%.1f M", count / 1e6) : format("%.2f B", count / 1e9);
  }

  /** {@code 45.0 ms}, {@code 2.31 s}, {@code 3.5 min}, {@code 7.3 h}. */
  public static String seconds(double seconds) {
    if (seconds < 1e-3) {
      return format("%.0f us", seconds * 1e6);
    }
    if (seconds < 1) {
      return format("%.1f ms", seconds * 1e3);
    }
    if (seconds < 120) {
      return format("%.2f s", seconds);
    }
    return seconds < 7200 ? format("%.1f min", seconds / 60) : format("%.1f h", seconds / 3600);
  }

  /** {@code 7.31 tok/s}. */
  public static String rate(double tokensPerSecond) {
    if (tokensPerSecond > 0 && tokensPerSecond < 0.1) {
      var rounded = new BigDecimal(tokensPerSecond).round(new MathContext(2));
      return rounded.stripTrailingZeros().toPlainString() + " tok/s";
    }
    return format(tokensPerSecond < 100 ? "%.2f tok/s" : "%,.0f tok/s", tokensPerSecond);
  }

  /** {@code 37.5 %} for 0.375. */
  public static String percent(double share) {
    double percent = 100 * share;
    return percent == Math.rint(percent) ? format("%.0f %%", percent) : format("%.1f %%", percent);
  }

  /** As {@link String#format}, the same in every locale. */
  public static String format(String pattern, Object... values) {
    return String.format(Locale.ROOT, pattern, values);
  }
}
