package dev.stowage.optimizer.cost;

import dev.stowage.optimizer.Phase;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Seconds that resources are busy, by phase, in three kinds: loads of weights, which take turns
 * with everything else where nothing is loaded ahead; attention that leaves the compute device, for
 * which its micro-batch waits; and the rest. Mutable while it is filled.
 */
public final class BusyTable {
  /** Seconds of one resource in one phase. */
  public record Seconds(double loading, double attending, double other) {
    public double sum() {
      return loading + attending + other;
    }

    private Seconds plus(Seconds more) {
      return new Seconds(loading + more.loading, attending + more.attending, other + more.other);
    }
  }

  /** What keeps a resource busy. */
  public enum Kind {
    LOADING,
    ATTENDING,
    OTHER
  }

  /** How long a phase takes, and the resource that decides it. */
  public record Bound(double seconds, String resource) {}

  private final List<TreeMap<String, Seconds>> phases = List.of(new TreeMap<>(), new TreeMap<>());

  /** Adds seconds of a kind. */
  public void add(Phase phase, Kind kind, String resource, double seconds) {
    add(
        phase,
        resource,
        switch (kind) {
          case LOADING -> new Seconds(seconds, 0, 0);
          case ATTENDING -> new Seconds(0, seconds, 0);
          case OTHER -> new Seconds(0, 0, seconds);
        });
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
   * The time of a phase, named after the busiest resource, the first by name among equals:
   *
   * <pre>
   * ahead    max( max_r (loading_r + attending_r + other_r), other_c + max_r attending_r / m )
   * in turn  max_r loading_r + max( max_r (attending_r + other_r), other_c + max_r attending_r / m )
   * </pre>
   *
   * {@code c} is compute on the compute device: of {@code m} micro-batches, the others compute
   * while one waits for its attention.
   */
  public Bound bound(Phase phase, boolean ahead, String compute, int microBatches) {
    double loading = 0;
    double attending = 0;
    double busiest = 0;
    String name = "nothing";
    String attendingName = "nothing";
    double most = 0;
    for (var entry : of(phase).entrySet()) {
      var seconds = entry.getValue();
      loading = Math.max(loading, seconds.loading());
      if (seconds.attending() > attending) {
        attending = seconds.attending();
        attendingName = entry.getKey();
      }
      busiest = Math.max(busiest, ahead ? seconds.sum() : seconds.attending() + seconds.other());
      if (seconds.sum() > most) {
        most = seconds.sum();
        name = entry.getKey();
      }
    }
    var computing = of(phase).getOrDefault(compute, new Seconds(0, 0, 0));
    double waiting = computing.other() + attending / microBatches;
    if (waiting > busiest) {
      name = computing.other() >= attending / microBatches ? compute : attendingName;
    }
    return new Bound(Math.max(busiest, waiting) + (ahead ? 0 : loading), name);
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
      phases.get(phase.ordinal()).merge(resource, more, Seconds::plus);
    }
  }
}
