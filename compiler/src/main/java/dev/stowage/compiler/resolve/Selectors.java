package dev.stowage.compiler.resolve;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.ScriptPackage;
import dev.stowage.dsl.script.Segment;
import dev.stowage.dsl.script.Selector;
import dev.stowage.optimizer.Thing;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Range;
import dev.stowage.plan.Weight;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Which matrices, or whose keys and values, a selector means: {@code embed}, {@code
 * layers[0..3,7].mlp}.
 */
final class Selectors {
  private final ModelShape shape;
  private final Consumer<Diagnostic> report;

  Selectors(ModelShape shape, Consumer<Diagnostic> report) {
    this.shape = shape;
    this.report = report;
  }

  /** All that some selectors select together; all weights where there are none. */
  Optional<Thing.Weights> weights(List<Selector> selectors) {
    if (selectors.isEmpty()) {
      return Optional.of(Thing.Weights.all(shape));
    }
    var parts = new ArrayList<Thing.Weights.Part>();
    boolean found = true;
    for (var selector : selectors) {
      var selected = select(selector);
      found &= !selected.isEmpty();
      parts.addAll(selected);
    }
    return found ? Optional.of(new Thing.Weights(parts)) : Optional.empty();
  }

  /** The KV cache of all layers that some selectors select together; all where there are none. */
  Optional<Thing.Kv> kv(List<Selector> selectors) {
    var chosen = new TreeSet<Integer>();
    for (var selector : selectors) {
      var first = selector.getSegments().getFirst();
      if (!first.getName().equals("layers") || selector.getSegments().size() > 1) {
        report.accept(
            Messages.emptySelector(
                Spans.of(selector),
                Scope.text(selector),
                "Keys and values belong to whole layers: layers[0..%d]"
                    .formatted(shape.layers() - 1)));
        return Optional.empty();
      }
      var ranges = layers(first);
      if (ranges.isEmpty()) {
        return Optional.empty();
      }
      ranges.forEach(range -> IntStream.range(range.from(), range.to()).forEach(chosen::add));
    }
    boolean all = selectors.isEmpty() || chosen.size() == shape.layers();
    return Optional.of(all ? new Thing.Kv() : new Thing.Kv(ranges(chosen)));
  }

  /** Neighbours as one range, so that what is selected alike is alike. */
  private static List<Range> ranges(SortedSet<Integer> layers) {
    var ranges = new ArrayList<Range>();
    for (int layer : layers) {
      boolean next = !ranges.isEmpty() && ranges.getLast().to() == layer;
      int from = next ? ranges.removeLast().from() : layer;
      ranges.add(new Range(from, layer + 1));
    }
    return ranges;
  }

  private List<Thing.Weights.Part> select(Selector selector) {
    var segments = selector.getSegments();
    var first = segments.getFirst();
    var path = String.join(".", segments.stream().skip(1).map(Segment::getName).toList());
    boolean layered = first.getName().equals("layers");
    if (!layered && !first.getName().equals("embed") && !first.getName().equals("head")) {
      report.accept(
          Messages.emptySelector(
              Spans.of(selector), Scope.text(selector), "Its matrices are: " + known()));
      return List.of();
    }
    var matrices = matrices(layered ? "" : first.getName(), path);
    if (matrices.isEmpty()) {
      report.accept(
          Messages.emptySelector(
              Spans.of(selector), Scope.text(selector), "Its matrices are: " + known()));
      return List.of();
    }
    return layered
        ? layers(first).stream().map(range -> new Thing.Weights.Part(matrices, range)).toList()
        : List.of(new Thing.Weights.Part(matrices, Range.upTo(shape.layers())));
  }

  private EnumSet<Weight> matrices(String prefix, String path) {
    var matrices = EnumSet.noneOf(Weight.class);
    for (var weight : Weight.values()) {
      if (shape.rows(weight) > 0 && matches(weight, prefix, path)) {
        matrices.add(weight);
      }
    }
    if (prefix.equals("head") && path.isEmpty() && shape.tiedHead()) {
      matrices.add(Weight.TOKENS); // the head is the embedding's rows
    }
    return matrices;
  }

  private static boolean matches(Weight weight, String prefix, String path) {
    var word = weight.word();
    if (prefix.isEmpty()) {
      return weight.perLayer()
          && (path.isEmpty() || word.equals(path) || word.startsWith(path + "."));
    }
    var full = path.isEmpty() ? prefix : prefix + "." + path;
    return word.equals(full) || word.startsWith(full + ".");
  }

  private String known() {
    var words = new ArrayList<String>();
    for (var weight : Weight.values()) {
      if (shape.rows(weight) > 0) {
        words.add(weight.perLayer() ? "layers[*]." + weight.word() : weight.word());
      }
    }
    return String.join(", ", words);
  }

  /**
   * {@code layers}, {@code layers[*]}, {@code layers[3]}, {@code layers[0..3,7]}: ends included.
   */
  private List<Range> layers(Segment segment) {
    int layers = shape.layers();
    if (segment.isAll() || segment.getIndices().isEmpty()) {
      return List.of(Range.upTo(layers));
    }
    var ranges = new ArrayList<Range>();
    for (var index : segment.getIndices()) {
      boolean range = Spans.of(index, ScriptPackage.Literals.INDEX_RANGE__LAST).isPresent();
      int last = range ? index.getLast() : index.getFirst();
      if (last < index.getFirst() || last >= layers) {
        report.accept(
            Messages.emptySelector(
                Spans.of(index),
                "layers[" + Scope.text(index) + "]",
                "The model's layers are 0..%d.".formatted(layers - 1)));
        return List.of();
      }
      ranges.add(new Range(index.getFirst(), last + 1));
    }
    return ranges;
  }
}
