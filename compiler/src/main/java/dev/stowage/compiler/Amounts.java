package dev.stowage.compiler;

import java.math.BigDecimal;
import java.math.MathContext;

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
    return number(value) + " " + BINARY[unit];
  }

  /** {@code 2.31 s}, {@code 45.0 ms}. */
  public static String seconds(double seconds) {
    if (seconds >= 1 || seconds <= 0) {
      return number(seconds) + " s";
    }
    return seconds >= 1e-3 ? number(seconds * 1e3) + " ms" : number(seconds * 1e6) + " us";
  }

  /** {@code 37.5 %}. */
  public static String share(double share) {
    return number(100 * share) + " %";
  }

  /** Four digits, without zeros that say nothing. */
  public static String number(double value) {
    var rounded = new BigDecimal(value).round(new MathContext(4)).stripTrailingZeros();
    return rounded.toPlainString();
  }
}
