package dev.stowage.runtime.kernel.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The exponential in F32: {@code e^x = 2^n * e^r} with {@code n = round(x / ln 2)} and {@code |r|
 * <= ln 2 / 2}, the latter by the polynomial of Cephes {@code expf} (Moshier). Within 2 units in
 * the last place; below -87.7 it is 0, above 88.4 infinite. The scalar form has the same bits.
 */
final class Exp {
  private static final float LOG2_E = 1.44269504088896341f;
  private static final float LN2_HIGH = 0.693359375f;
  private static final float LN2_LOW = -2.12194440e-4f;

  /** Adding it leaves the rounded integer in the low bits of the mantissa. */
  private static final float ROUND = 0x1.8p23f;

  private static final int ROUND_BITS = Float.floatToRawIntBits(ROUND);

  private static final float LOWEST = -88f; // rounds to n = -127, whose scale has the bits of 0
  private static final float HIGHEST =
      88.5f; // rounds to n = 128, whose scale has those of infinity

  private static final float C5 = 1.9875691500e-4f;
  private static final float C4 = 1.3981999507e-3f;
  private static final float C3 = 8.3334519073e-3f;
  private static final float C2 = 4.1665795894e-2f;
  private static final float C1 = 1.6666665459e-1f;
  private static final float C0 = 5.0000001201e-1f;

  private Exp() {}

  static FloatVector of(FloatVector x) {
    FloatVector low = x.blend(LOWEST, x.compare(VectorOperators.LT, LOWEST));
    FloatVector in = low.blend(HIGHEST, low.compare(VectorOperators.GT, HIGHEST));
    FloatVector shifted = in.mul(LOG2_E).add(ROUND);
    FloatVector n = shifted.sub(ROUND);
    FloatVector r = n.mul(-LN2_LOW).add(n.mul(-LN2_HIGH).add(in));
    FloatVector scale =
        shifted
            .reinterpretAsInts()
            .add(127 - ROUND_BITS)
            .lanewise(VectorOperators.LSHL, 23)
            .reinterpretAsFloats();
    return polynomial(r).mul(scale);
  }

  private static FloatVector polynomial(FloatVector r) {
    FloatVector p = r.mul(C5).add(C4);
    p = p.mul(r).add(C3);
    p = p.mul(r).add(C2);
    p = p.mul(r).add(C1);
    p = p.mul(r).add(C0);
    return p.mul(r.mul(r)).add(r).add(1f);
  }

  static float of(float x) {
    float low = x < LOWEST ? LOWEST : x;
    float in = low > HIGHEST ? HIGHEST : low;
    float shifted = in * LOG2_E + ROUND;
    float n = shifted - ROUND;
    float r = n * -LN2_LOW + (n * -LN2_HIGH + in);
    float scale = Float.intBitsToFloat(Float.floatToRawIntBits(shifted) + (127 - ROUND_BITS) << 23);
    float p = r * C5 + C4;
    p = p * r + C3;
    p = p * r + C2;
    p = p * r + C1;
    p = p * r + C0;
    return (p * (r * r) + r + 1f) * scale;
  }
}
