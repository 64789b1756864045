package dev.stowage.optimizer.formulate;

import dev.stowage.optimizer.KvAxis;
import dev.stowage.optimizer.Problem;
import dev.stowage.optimizer.Thing;
import dev.stowage.plan.Range;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Layers whose KV cache is placed alike: those of a stage that every bound speaks of in the same
 * way.
 *
 * @param runs neighbouring layers, in order
 * @param axis how the cache of these layers is cut
 * @param all whether these are all of the model's layers
 */
public record KvGroup(List<Range> runs, KvAxis axis, boolean all) {
  public KvGroup {
    runs = List.copyOf(runs);
  }

  /** What the layers of a group share: the bounds that speak of them, their axis and stage. */
  private record Alike(List<Boolean> covered, KvAxis axis, int stage) {}

  /** The fewest groups that all bounds of a problem are made of, by their first layers. */
  public static List<KvGroup> of(Problem problem) {
    var bounds = problem.bounds();
    var things =
        bounds.things().stream()
            .filter(Thing.Kv.class::isInstance)
            .map(Thing.Kv.class::cast)
            .toList();
    int layers = problem.shape().layers();
    var groups = new LinkedHashMap<Alike, List<Range>>();
    Alike last = null;
    for (int layer = 0; layer < layers; layer++) {
      int at = layer;
      var alike =
          new Alike(
              things.stream().map(t -> t.covers(at)).toList(),
              bounds.kvAxisOf(layer),
              problem.stages().number(layer));
      var runs = groups.computeIfAbsent(alike, any -> new ArrayList<>());
      int from = alike.equals(last) ? runs.removeLast().from() : layer;
      runs.add(new Range(from, layer + 1));
      last = alike;
    }
    return groups.entrySet().stream()
        .map(e -> new KvGroup(e.getValue(), e.getKey().axis(), groups.size() == 1))
        .toList();
  }

  /** The number of the stage that computes them. */
  int stage(Problem problem) {
    return problem.stages().number(runs.getFirst().from());
  }

  /** How many layers. */
  public int layers() {
    return runs.stream().mapToInt(Range::size).sum();
  }

  /** Whether a bound speaks of this group: it then speaks of all of it. */
  public boolean within(Thing.Kv thing) {
    return thing.covers(runs.getFirst().from());
  }

  /** {@code [0..4,6..8]}; nothing for all layers. */
  String name() {
    return all ? "" : runs.stream().map(Range::toString).collect(Collectors.joining(",", "[", "]"));
  }
}
