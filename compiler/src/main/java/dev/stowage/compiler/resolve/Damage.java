package dev.stowage.compiler.resolve;

import dev.stowage.plan.ElementType;
import java.util.OptionalDouble;

/**
 * What approximations are expected to cost in perplexity, as a part of it: published figures for
 * other models, not measurements of this one.
 *
 * <pre>
 * weights int4, group 64   +0.71 %   half of what FlexGen (ICML 2023, table 5) measured for 4-bit
 *                                    weights and KV together: OPT-30B, WikiText, 12.72 to 12.90
 * KV int4, group 64        +0.71 %   the other half; llama.cpp's q4_0 gives +0.2 to +2.4 %
 * weights int8, group 64   +0.05 %   llama.cpp, q8_0
 * KV int8, group 64        +0.02 %   llama.cpp, q8_0: Gemma 3 4B, 7.8551 to 7.8569
 * attention reads 1/10     +0.08 %   FlexGen, table 5: 10 % of the values change nothing at the two
 *  or more of the cache              decimals that are printed; shares in between in proportion
 * </pre>
 *
 * Long contexts lose more than perplexity shows: HILOS found F1 down by 3.5 to 5.7 points at 1/8.
 */
final class Damage {
  /** The least part of the cache for which there is a figure. */
  static final double LEAST_READ = 0.1;

  private static final double WEIGHTS_INT4 = 0.0071;
  private static final double WEIGHTS_INT8 = 0.0005;
  private static final double KV_INT4 = 0.0071;
  private static final double KV_INT8 = 0.0002;
  private static final double READ_A_TENTH = 0.0008;

  private Damage() {}

  /** All weights stored as the type. */
  static double ofWeights(ElementType type) {
    return switch (type) {
      case F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q6_K -> 0; // as the model is
      case INT8 -> WEIGHTS_INT8;
      case INT4 -> WEIGHTS_INT4;
    };
  }

  /** The KV cache stored as the type. */
  static double ofKv(ElementType type) {
    return switch (type) {
      case F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q6_K -> 0; // as the model is
      case INT8 -> KV_INT8;
      case INT4 -> KV_INT4;
    };
  }

  /** Attention that reads that part of the cache's bytes; empty where nothing is known. */
  static OptionalDouble ofReading(double part) {
    if (part < LEAST_READ) {
      return OptionalDouble.empty();
    }
    return OptionalDouble.of(READ_A_TENTH * (1 - part) / (1 - LEAST_READ));
  }
}
