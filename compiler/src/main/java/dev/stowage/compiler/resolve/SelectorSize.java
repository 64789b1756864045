package dev.stowage.compiler.resolve;

import dev.stowage.dsl.script.PlaceRule;
import dev.stowage.dsl.script.Quantize;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.Selector;
import dev.stowage.optimizer.Thing;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Weight;
import dev.stowage.plan.text.Amount;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** What a selector selects. */
public sealed interface SelectorSize {
  /**
   * Weights.
   *
   * @param matrices how many, those of each layer counted
   * @param bytes as the model stores them
   */
  record OfWeights(int matrices, long bytes) implements SelectorSize {
    @Override
    public String words() {
      return "%d %s, %s"
          .formatted(matrices, matrices == 1 ? "matrix" : "matrices", Amount.bytes(bytes));
    }
  }

  /**
   * Keys and values.
   *
   * @param tokenBytes what a token of a sequence takes in these layers, stored exactly
   */
  record OfKv(int layers, long tokenBytes) implements SelectorSize {
    @Override
    public String words() {
      return "%d %s, %s a token"
          .formatted(layers, layers == 1 ? "layer" : "layers", Amount.bytes(tokenBytes));
    }
  }

  /** {@code 24 matrices, 1.2 GiB}; {@code 4 layers, 12.0 KiB a token}. */
  String words();

  /**
   * Measures a selector.
   *
   * @param script the plan that it stands in, without errors
   * @param file where the plan lies, for a model relative to it
   * @return empty where the plan's model cannot be read, or the selector selects nothing of it
   */
  static Optional<SelectorSize> of(Selector selector, Script script, Path file) {
    var subject =
        switch (selector.eContainer()) {
          case PlaceRule rule -> rule.getSubject();
          case Quantize quantize -> quantize.getSubject();
          case null, default -> null;
        };
    return Resolver.shape(script, file)
        .flatMap(
            shape -> {
              var selectors = new Selectors(shape, diagnostic -> {});
              return switch (subject) {
                case WEIGHTS ->
                    selectors.weights(List.of(selector)).map(thing -> size(shape, thing));
                case KV -> selectors.kv(List.of(selector)).map(thing -> size(shape, thing));
                case ACTIVATIONS -> Optional.<SelectorSize>empty();
                case null -> Optional.<SelectorSize>empty();
              };
            });
  }

  private static SelectorSize size(ModelShape shape, Thing.Weights thing) {
    int matrices = 0;
    long bytes = 0;
    for (var weight : Weight.values()) {
      int layers = weight.perLayer() ? shape.layers() : 1;
      for (int layer = 0; layer < layers; layer++) {
        if (shape.rows(weight) > 0 && thing.covers(weight, layer)) {
          matrices++;
          bytes += shape.bytes(weight, layer);
        }
      }
    }
    return new OfWeights(matrices, bytes);
  }

  private static SelectorSize size(ModelShape shape, Thing.Kv thing) {
    int layers = (int) IntStream.range(0, shape.layers()).filter(thing::covers).count();
    long row = Resolver.kvType(shape).rowBytes(shape.headDim());
    return new OfKv(layers, 2L * layers * shape.kvHeads() * row);
  }
}
