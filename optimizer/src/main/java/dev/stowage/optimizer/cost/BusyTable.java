package dev.stowage.optimizer.cost;

import dev.stowage.optimizer.Phase;
import java.util.Collections;
import java.util.Set;
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
  }

  /** What keeps a resource busy. */
  public enum Kind {
    LOADING,
    ATTENDING,
    OTHER
  }

  /** How long a phase takes, and the resource that decides it. */
  public record Bound(double seconds, String resource) {}

  private static final Kind[] KIND = Kind.values();
  private static final int KINDS = KIND.length;

  private final Resources resources;

  /** {@code [phase, resource, kind]} */
  private final double[] seconds;

  public BusyTable(Resources resources) {
    this.resources = resources;
    this.seconds = new double[Phase.values().length * resources.count() * KINDS];
  }

  public Resources resources() {
    return resources;
  }

  /** Adds seconds of a kind. */
  public void add(Phase phase, Kind kind, int resource, double more) {
    seconds[at(phase, resource) + kind.ordinal()] += more;
  }

  /** Adds all of another table of the same resources. */
  public void add(BusyTable table) {
    for (int i = 0; i < seconds.length; i++) {
      seconds[i] += table.seconds[i];
    }
  }

  /** Multiplies what a device's own resources do. */
  public void scale(String device, double factor) {
    for (int resource : resources.ownedBy(device)) {
      for (var phase : Phase.values()) {
        for (int kind = 0; kind < KINDS; kind++) {
          seconds[at(phase, resource) + kind] *= factor;
        }
      }
    }
  }

  /** What a resource does in a phase. */
  public Seconds of(Phase phase, int resource) {
    int at = at(phase, resource);
    return new Seconds(seconds[at], seconds[at + 1], seconds[at + 2]);
  }

  /** What a resource does of some kinds in a phase. */
  public double of(Phase phase, int resource, Set<Kind> kinds) {
    int at = at(phase, resource);
    double sum = 0;
    for (var kind : KIND) {
      sum += kinds.contains(kind) ? seconds[at + kind.ordinal()] : 0;
    }
    return sum;
  }

  /** The resources with work in a phase, by name. */
  public SortedMap<String, Seconds> of(Phase phase) {
    var busy = new TreeMap<String, Seconds>();
    for (int resource = 0; resource < resources.count(); resource++) {
      var here = of(phase, resource);
      if (here.sum() != 0) {
        busy.put(resources.name(resource), here);
      }
    }
    return Collections.unmodifiableSortedMap(busy);
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
  public Bound bound(Phase phase, boolean ahead, int microBatches) {
    double loading = 0;
    double attending = 0;
    double busiest = 0;
    String name = "nothing";
    String attendingName = "nothing";
    double most = 0;
    for (int resource = 0; resource < resources.count(); resource++) {
      var here = of(phase, resource);
      loading = Math.max(loading, here.loading());
      if (here.attending() > attending) {
        attending = here.attending();
        attendingName = resources.name(resource);
      }
      busiest = Math.max(busiest, ahead ? here.sum() : here.attending() + here.other());
      if (here.sum() > most) {
        most = here.sum();
        name = resources.name(resource);
      }
    }
    double computing = of(phase, resources.compute()).other();
    double waiting = computing + attending / microBatches;
    if (waiting > busiest) {
      name =
          computing >= attending / microBatches
              ? resources.name(resources.compute())
              : attendingName;
    }
    return new Bound(Math.max(busiest, waiting) + (ahead ? 0 : loading), name);
  }

  /** The seconds of all resources in all phases. */
  public double total() {
    double sum = 0;
    for (double more : seconds) {
      sum += more;
    }
    return sum;
  }

  private int at(Phase phase, int resource) {
    return (phase.ordinal() * resources.count() + resource) * KINDS;
  }
}
