package dev.stowage.runtime.session;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.Range;
import dev.stowage.plan.Weight;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The weight rows that lie in memory for as long as the session lives. */
final class ResidentRows {
  /** Rows of one matrix of one layer. */
  record Slab(int layer, Range rows, ElementType type, MemorySegment segment) {}

  private final Map<Weight, List<Slab>> slabs = new EnumMap<>(Weight.class);

  void add(Weight weight, int layer, Range rows, ElementType type, MemorySegment segment) {
    slabs.computeIfAbsent(weight, w -> new ArrayList<>()).add(new Slab(layer, rows, type, segment));
  }

  /** The slab that holds these rows. */
  Optional<Slab> find(Weight weight, int layer, Range rows) {
    return slabs.getOrDefault(weight, List.of()).stream()
        .filter(slab -> slab.layer() == layer && slab.rows().contains(rows))
        .findFirst();
  }

  List<Slab> of(Weight weight) {
    return slabs.getOrDefault(weight, List.of());
  }
}
