package dev.stowage.compiler.resolve;

import dev.stowage.optimizer.Bounds;
import dev.stowage.optimizer.Thing;
import java.util.List;

/**
 * Keys are not both quantized and read sparsely: sparse attention reads single channels of keys,
 * which groups of quantized numbers hide (SW510).
 */
final class KeysAreStoredInOneWay {
  private KeysAreStoredInOneWay() {}

  static void check(List<Bounds.Format> formats, List<Bounds.SparseAttention> sparse, Scope scope) {
    for (var format : formats) {
      if (format.thing() instanceof Thing.Kv && !sparse.isEmpty()) {
        var first = sparse.getFirst().source();
        scope.report(
            Messages.sparseReadsChannels(
                scope.spans().get(format.source()),
                format.source().text(),
                scope.spans().get(first)));
      }
    }
  }
}
