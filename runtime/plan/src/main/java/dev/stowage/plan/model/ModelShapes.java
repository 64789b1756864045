package dev.stowage.plan.model;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.Family;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.RopeScaling;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SequencedSet;

/**
 * Public shapes by name, for planning without weights. OPT as in table 1 of Zhang et al., "OPT:
 * Open Pre-trained Transformer Language Models" (2022); the others as in their published {@code
 * config.json}.
 */
public final class ModelShapes {
  private static final SequencedMap<String, ModelShape> SHAPES = shapes();

  private ModelShapes() {}

  /** The shape of that name, such as {@code opt-30b}. */
  public static Optional<ModelShape> find(String name) {
    return Optional.ofNullable(SHAPES.get(name));
  }

  /** All names, family by family, small to large. */
  public static SequencedSet<String> names() {
    return Collections.unmodifiableSequencedSet(SHAPES.sequencedKeySet());
  }

  private static SequencedMap<String, ModelShape> shapes() {
    var shapes = new LinkedHashMap<String, ModelShape>();
    shapes.put("opt-125m", opt(12, 768, 12));
    shapes.put("opt-1.3b", opt(24, 2048, 32));
    shapes.put("opt-2.7b", opt(32, 2560, 32));
    shapes.put("opt-6.7b", opt(32, 4096, 32));
    shapes.put("opt-13b", opt(40, 5120, 40));
    shapes.put("opt-30b", opt(48, 7168, 56));
    shapes.put("opt-66b", opt(64, 9216, 72));
    shapes.put("opt-175b", opt(96, 12288, 96));

    var f16 = ElementType.F16;
    var bf16 = ElementType.BF16;
    var llama = new Kin(Family.LLAMA, 1e-5, 10_000, false, Optional.empty(), f16);
    shapes.put("llama-2-7b", llama.shape(32, 4096, 11008, 32, 32, 32000, 4096));
    shapes.put("llama-2-13b", llama.shape(40, 5120, 13824, 40, 40, 32000, 4096));
    shapes.put("llama-2-70b", llama.shape(80, 8192, 28672, 64, 8, 32000, 4096));
    var llama3 = new Kin(Family.LLAMA, 1e-5, 500_000, false, Optional.empty(), bf16);
    shapes.put("llama-3-8b", llama3.shape(32, 4096, 14336, 32, 8, 128_256, 8192));
    shapes.put("llama-3-70b", llama3.shape(80, 8192, 28672, 64, 8, 128_256, 8192));
    var mistral = new Kin(Family.MISTRAL, 1e-5, 10_000, false, Optional.of(4096), bf16);
    shapes.put("mistral-7b", mistral.shape(32, 4096, 14336, 32, 8, 32000, 32_768));
    var qwen2 = new Kin(Family.QWEN2, 1e-6, 1e6, true, Optional.empty(), bf16);
    shapes.put("qwen2.5-7b", qwen2.shape(28, 3584, 18944, 28, 4, 152_064, 131_072));
    var qwen2Large = new Kin(Family.QWEN2, 1e-5, 1e6, true, Optional.empty(), bf16);
    shapes.put("qwen2.5-14b", qwen2Large.shape(48, 5120, 13824, 40, 8, 152_064, 131_072));
    shapes.put("qwen2.5-32b", qwen2Large.shape(64, 5120, 27648, 40, 8, 152_064, 131_072));
    var qwen3 = new Kin(Family.QWEN3, 1e-6, 1e6, false, Optional.empty(), bf16);
    shapes.put("qwen3-8b", qwen3.shape(36, 4096, 12288, 32, 8, 151_936, 40_960));
    return shapes;
  }

  private static ModelShape opt(int layers, int hidden, int heads) {
    return new ModelShape(
        Family.OPT,
        layers,
        hidden,
        hidden,
        4 * hidden,
        heads,
        heads,
        hidden / heads,
        50_272,
        2048,
        1e-5,
        10_000,
        new RopeScaling.None(),
        true,
        true,
        true,
        true,
        Optional.empty(),
        ElementType.F16);
  }

  /** What models of one generation share. */
  private record Kin(
      Family family,
      double normEpsilon,
      double ropeTheta,
      boolean qkvBias,
      Optional<Integer> slidingWindow,
      ElementType weightType) {
    ModelShape shape(
        int layers, int hidden, int ffn, int heads, int kvHeads, int vocabulary, int positions) {
      return new ModelShape(
          family,
          layers,
          hidden,
          hidden,
          ffn,
          heads,
          kvHeads,
          hidden / heads,
          vocabulary,
          positions,
          normEpsilon,
          ropeTheta,
          new RopeScaling.None(),
          qkvBias,
          false,
          false,
          false,
          slidingWindow,
          weightType);
    }
  }
}
