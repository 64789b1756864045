package dev.stowage.compiler.resolve;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Property;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.RateCurve;
import dev.stowage.plan.RateCurve.Measure;
import dev.stowage.plan.RateValue;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The curves of one device: rates by the size of the work. Types, files and plans say more of a
 * device one after the other; a curve that is said again replaces the whole one, and so does a
 * single rate of the same work.
 */
final class Curves {
  private static final Map<String, Measure> MEASURES =
      Arrays.stream(Measure.values())
          .collect(Collectors.toUnmodifiableMap(Measure::word, Function.identity()));

  private static final Set<Measure> PRODUCTS =
      Set.of(Measure.MATMUL, Measure.MATMUL_CACHED, Measure.MATMUL_SMALL, Measure.SWEEP);

  private static final Set<Measure> READS = Set.of(Measure.READ, Measure.READ_CACHED);
  private static final Set<Measure> WRITES = Set.of(Measure.WRITE, Measure.WRITE_CACHED);

  /** Single rates, and the curves that no longer hold where one of them is said later. */
  private static final Map<String, Set<Measure>> SINGLE =
      Map.of(
          "matmul-prefill", PRODUCTS,
          "matmul-decode", PRODUCTS,
          "attend-decode", Set.of(Measure.ATTEND, Measure.ATTEND_GROUPED),
          "read", READS,
          "latency", Set.of(Measure.READ, Measure.WRITE),
          "write", WRITES);

  private static final Map<String, ElementType> TYPES =
      Map.of(
          "fp32", ElementType.F32,
          "fp16", ElementType.F16,
          "bf16", ElementType.BF16,
          "int8", ElementType.INT8,
          "int4", ElementType.INT4);

  private record Key(Measure measure, Optional<ElementType> type) {}

  private final Values values;
  private final List<Diagnostic> diagnostics;
  private final Map<Key, SortedMap<Long, RateValue>> known = new LinkedHashMap<>();

  Curves(Values values, List<Diagnostic> diagnostics) {
    this.values = values;
    this.diagnostics = diagnostics;
  }

  /** What one more declaration says of the device. */
  void say(List<Property> properties) {
    for (var property : properties) {
      if (property.getName() != null && property.getAt() == null) {
        forget(property.getName());
      }
    }
    var said = new LinkedHashMap<Key, SortedMap<Long, RateValue>>();
    for (var property : properties) {
      if (property.getAt() != null && property.getValue() != null) {
        say(property, said);
      }
    }
    known.putAll(said);
  }

  private void say(Property property, Map<Key, SortedMap<Long, RateValue>> said) {
    var measure = MEASURES.get(property.getName());
    double size = values.one(property.getAt());
    double value = values.one(property.getValue());
    if (!(size >= 1) || size > Long.MAX_VALUE || size != Math.rint(size)) {
      diagnostics.add(Messages.sizeNotWhole(Spans.of(property.getAt()), property.getName()));
    } else if (!(value > 0) || Double.isInfinite(value)) {
      diagnostics.add(Messages.rateNotPositive(Spans.of(property), property.getName()));
    } else {
      var type = Optional.ofNullable(property.getPrecision()).map(TYPES::get);
      said.computeIfAbsent(new Key(measure, type), key -> new TreeMap<>())
          .put((long) size, new RateValue(value, Machines.origin(property)));
    }
  }

  /** The curves, but for those that a variant's single rates replace. */
  List<RateCurve> without(Set<String> settings) {
    settings.forEach(this::forget);
    return known.entrySet().stream()
        .map(e -> new RateCurve(e.getKey().measure(), e.getKey().type(), e.getValue()))
        .toList();
  }

  private void forget(String single) {
    var replaced = SINGLE.getOrDefault(single, Set.of());
    known.keySet().removeIf(key -> replaced.contains(key.measure()));
  }
}
