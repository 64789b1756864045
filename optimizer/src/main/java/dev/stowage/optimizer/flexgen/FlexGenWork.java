package dev.stowage.optimizer.flexgen;

import dev.stowage.plan.ModelShape;

/**
 * A model and a workload as FlexGen's formulas see them: embedding, head and grouped-query
 * attention are not known to them.
 *
 * @param layers {@code l}
 * @param hidden {@code h1}
 * @param ffn {@code h2}
 * @param heads {@code nh}
 * @param prompt {@code s}, tokens
 * @param generate {@code n}, tokens
 */
public record FlexGenWork(int layers, int hidden, int ffn, int heads, int prompt, int generate) {
  public FlexGenWork {
    if (layers < 1 || hidden < 1 || ffn < 1 || heads < 1 || prompt < 1 || generate < 1) {
      throw new IllegalArgumentException(
          "%d layers of %d and %d, %d heads, prompt %d, generate %d"
              .formatted(layers, hidden, ffn, heads, prompt, generate));
    }
  }

  public static FlexGenWork of(ModelShape shape, int prompt, int generate) {
    return new FlexGenWork(
        shape.layers(), shape.hidden(), shape.ffn(), shape.heads(), prompt, generate);
  }

  /** {@code wi}: FP16 bytes of a layer's weights, {@code 8·h1² + 4·h1·h2}; a quarter compressed. */
  double layerBytes(boolean compressed) {
    double bytes = 8.0 * hidden * hidden + 4.0 * hidden * ffn;
    return compressed ? bytes / 4 : bytes;
  }
}
