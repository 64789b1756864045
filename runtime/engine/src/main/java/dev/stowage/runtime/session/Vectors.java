package dev.stowage.runtime.session;

import dev.stowage.plan.model.ModelVector;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/** Norms and biases in memory, widened to F32. */
final class Vectors {
  private record Key(ModelVector vector, int layer) {}

  private final Map<Key, MemorySegment> segments = new HashMap<>();

  void add(ModelVector vector, int layer, MemorySegment segment) {
    segments.put(new Key(vector, layer), segment);
  }

  /** The vector, or {@code null} where the model has none. */
  MemorySegment find(ModelVector vector, int layer) {
    return segments.get(new Key(vector, vector.perLayer() ? layer : 0));
  }
}
