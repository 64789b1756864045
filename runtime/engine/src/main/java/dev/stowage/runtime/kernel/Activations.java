package dev.stowage.runtime.kernel;

/** Activation functions of one number, computed in double. */
public final class Activations {
  private static final double SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);

  private Activations() {}

  /** {@code x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))}. */
  public static float geluTanh(float x) {
    double inner = SQRT_2_OVER_PI * (x + 0.044715 * x * x * x);
    return (float) (x * logistic(2 * inner)); // (1 + tanh(u)) / 2 without its cancellation
  }

  /** {@code x / 2 * (1 + erf(x / sqrt(2)))}. */
  public static float geluErf(float x) {
    return (float) (0.5 * x * (1 + erf(x * Math.sqrt(0.5))));
  }

  private static double logistic(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  /**
   * The error function. Below 2.5 its Maclaurin series {@code 2 / sqrt(pi) * exp(-x^2) * sum_n 2^n
   * x^(2n+1) / (2n+1)!!}, whose terms are all of one sign; above, one less the continued fraction
   * of {@code erfc} (Abramowitz and Stegun, 7.1.6 and 7.1.14).
   */
  static double erf(double x) {
    double a = Math.abs(x);
    if (a < 2.5) {
      double term = a;
      double sum = a;
      for (int n = 1; term > sum * 1e-17; n++) {
        term *= 2 * a * a / (2 * n + 1);
        sum += term;
      }
      return Math.copySign(2 / Math.sqrt(Math.PI) * Math.exp(-a * a) * sum, x);
    }
    if (a > 6) {
      return Math.copySign(1, x); // NaN never gets here: it fails both comparisons
    }
    double fraction = a;
    for (int n = 60; n > 0; n--) {
      fraction = a + n / 2.0 / fraction;
    }
    return Math.copySign(1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / fraction, x);
  }
}
