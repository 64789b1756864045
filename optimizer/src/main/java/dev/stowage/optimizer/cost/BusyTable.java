package dev.stowage.optimizer.cost;

import dev.stowage.optimizer.Phase;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Seconds that resources are busy, by phase. Loads of weights are kept apart from everything else:
 * without prefetch they take turns with it. Mutable while it is filled.
 */
public final class BusyTable {
  /** Seconds of one resource in one phase. */
  public record Seconds(double loading, double other) {
    public double sum() {
      return loading + other;
    }
  }

  /** How long a phase takes, and the resource that decides it. */
  public record Bound(double seconds, String resource) {}

  private final List<TreeMap<String, Seconds>> phases = List.of(new TreeMap<>(), new TreeMap<>());

  /** Adds seconds of weight loads. */
  public void addLoading(Phase phase, String resource, double seconds) {
    add(phase, resource, new Seconds(seconds, 0));
  }

  /** Adds seconds of anything else. */
  public void add(Phase phase, String resource, double seconds) {
    add(phase, resource, new Seconds(0, seconds));
  }

  /** Adds all of another table. */
  public void add(BusyTable table) {
    for (var phase : Phase.values()) {
      table.of(phase).forEach((resource, seconds) -> add(phase, resource, seconds));
    }
  }

  /** The resources with work in a phase, by name. */
  public SortedMap<String, Seconds> of(Phase phase) {
    return Collections.unmodifiableSortedMap(phases.get(phase.ordinal()));
  }

  /** The names of all resources with work in a phase, in several tables. */
  public static List<String> resources(Phase phase, List<BusyTable> tables) {
    var names = new java.util.TreeSet<String>();
    tables.forEach(table -> names.addAll(table.of(phase).keySet()));
    return new ArrayList<>(names);
  }

  /**
   * The time of a phase: {@code max_r (loading_r + other_r)}, or, where loads take turns with
   * compute, {@code max_r loading_r + max_r other_r}. Named after the busiest resource, the first
   * by name among equals.
   */
  public Bound bound(Phase phase, boolean overlapped) {
    double sum = 0;
    double loading = 0;
    double other = 0;
    String busiest = "nothing";
    for (var entry : of(phase).entrySet()) {
      var seconds = entry.getValue();
      loading = Math.max(loading, seconds.loading());
      other = Math.max(other, seconds.other());
      if (seconds.sum() > sum) {
        sum = seconds.sum();
        busiest = entry.getKey();
      }
    }
    return new Bound(overlapped ? sum : loading + other, busiest);
  }

  /** The seconds of all resources in all phases. */
  public double total() {
    double sum = 0;
    for (var phase : phases) {
      for (var seconds : phase.values()) {
        sum += seconds.sum();
      }
    }
    return sum;
  }

  private void add(Phase phase, String resource, Seconds more) {
    if (more.sum() != 0) {
      phases
          .get(phase.ordinal())
          .merge(
              resource,
              more,
              (a, b) -> new Seconds(a.loading() + b.loading(), a.other() + b.other()));
    }
  }
}
