package dev.stowage.compiler.resolve;

import dev.stowage.dsl.script.PlaceRule;
import dev.stowage.dsl.script.Quantize;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.Selector;
import dev.stowage.dsl.script.Subject;
import dev.stowage.plan.Weight;
import dev.stowage.plan.text.Amount;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What a selector of weights selects.
 *
 * @param matrices how many, those of each layer counted
 * @param bytes as the model stores them
 */
public record SelectorSize(int matrices, long bytes) {
  /**
   * Measures a selector.
   *
   * @param script the plan that it stands in, without errors
   * @param file where the plan lies, for a model relative to it
   * @return empty where the plan's model cannot be read, the selector selects nothing of it, or it
   *     is not about weights
   */
  public static Optional<SelectorSize> of(Selector selector, Script script, Path file) {
    boolean ofWeights =
        switch (selector.eContainer()) {
          case PlaceRule rule -> rule.getSubject() == Subject.WEIGHTS;
          case Quantize quantize -> quantize.getSubject() == Subject.WEIGHTS;
          case null, default -> false;
        };
    if (!ofWeights) {
      return Optional.empty();
    }
    return Resolver.shape(script, file)
        .flatMap(
            shape ->
                new Selectors(shape, diagnostic -> {})
                    .weights(List.of(selector))
                    .map(
                        thing -> {
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
                          return new SelectorSize(matrices, bytes);
                        }));
  }

  /** {@code 24 matrices, 1.2 GiB}. */
  public String words() {
    return "%d %s, %s"
        .formatted(matrices, matrices == 1 ? "matrix" : "matrices", Amount.bytes(bytes));
  }
}
