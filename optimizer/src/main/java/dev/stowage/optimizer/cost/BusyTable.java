package dev.stowage.optimizer.cost;

import dev.stowage.optimizer.Phase;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Seconds that resources are busy, by phase, in five kinds: loads of weights, which take turns with
 * everything else where nothing is loaded ahead; attention that leaves the compute device, for
 * which its micro-batch waits; attention that does not; keys and values that the compute device
 * brings and takes itself, and computes nothing meanwhile; and the rest. Mutable while it is
 * filled.
 */
public final class BusyTable {
  /** Seconds of one resource in one phase. */
  public record Seconds(
      double loading, double attending, double resident, double inLine, double other) {
    public double sum() {
      return loading + attending + resident + inLine + other;
    }
  }

  /** What keeps a resource busy. */
  public enum Kind {
    LOADING,
    ATTENDING,
    RESIDENT,
    IN_LINE,
    OTHER
  }

  /** How long a phase takes, and the resource that decides it. */
  public record Bound(double seconds, String resource) {}

  private static final Phase[] PHASE = Phase.values();
  private static final Kind[] KIND = Kind.values();
  private static final int KINDS = KIND.length;

  private static final Set<Kind> OWN = EnumSet.of(Kind.RESIDENT, Kind.OTHER);
  private static final Set<Kind> RESIDENT = EnumSet.of(Kind.RESIDENT);
  private static final Set<Kind> OTHER = EnumSet.of(Kind.OTHER);

  private final Resources resources;

  /** {@code [phase, resource, kind]} */
  private final double[] seconds;

  public BusyTable(Resources resources) {
    this.resources = resources;
    this.seconds = new double[PHASE.length * resources.count() * KINDS];
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
      for (var phase : PHASE) {
        for (int kind = 0; kind < KINDS; kind++) {
          seconds[at(phase, resource) + kind] *= factor;
        }
      }
    }
  }

  /** What a resource does in a phase. */
  public Seconds of(Phase phase, int resource) {
    int at = at(phase, resource);
    return new Seconds(
        seconds[at], seconds[at + 1], seconds[at + 2], seconds[at + 3], seconds[at + 4]);
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

  /**
   * Seconds that work of other resources takes of one in a phase, where both go on at once: loads
   * of the host's compute, and that of loads.
   */
  public double leaked(Phase phase, int resource) {
    double sum = 0;
    for (var leak : resources.leaks(resource)) {
      sum += leak.part() * of(phase, leak.from(), leak.kinds());
    }
    return sum;
  }

  /** What a resource of the compute device does for products and its own attention. */
  public double own(Phase phase, int resource) {
    return of(phase, resource, OWN);
  }

  /** What of that comes before the end of attention in every layer. */
  public double before(Phase phase, int resource) {
    return resources.beforeAttention() * of(phase, resource, OTHER) + of(phase, resource, RESIDENT);
  }

  /**
   * What the compute device brings and takes in a phase, one after the other.
   *
   * @param computing its own resources
   */
  public double inLine(Phase phase, List<Integer> computing) {
    double sum = 0;
    for (int resource = 0; resource < resources.count(); resource++) {
      double here = seconds[at(phase, resource) + Kind.IN_LINE.ordinal()];
      if (here != 0 && !computing.contains(resource)) {
        sum += here;
      }
    }
    return sum;
  }

  /** Whether a resource does anything in any phase. */
  public boolean isBusy(int resource) {
    for (var phase : PHASE) {
      int at = at(phase, resource);
      for (int kind = 0; kind < KINDS; kind++) {
        if (seconds[at + kind] != 0) {
          return true;
        }
      }
    }
    return false;
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
   * ahead    max( max_r (sum_r + leaked_r), waiting )
   * in turn  max_r loading_r + max( max_r (sum_r − loading_r), waiting )
   * waiting  max( own, own + (a − before) / m, own + (2a − own) / m, a + own / m ),   a = max_r attending_r
   * own      other + resident + inLine,  before  beforeAttention · other + resident + inLine
   * </pre>
   *
   * of compute and bandwidth of the compute device, {@code inLine} of all others together; {@code
   * leaked} is what loads take of the compute of a host, and that of loads: see {@link #leaked}. A
   * pass waits in every layer for attention over what it has just computed. Of {@code m}
   * micro-batches the next one does what comes before its attention meanwhile; the last one has
   * only the one before it for that; and what attends waits for the first to come and for the last
   * to go.
   *
   * @param computing compute and bandwidth of the compute device: see {@link CostModel#computing}
   */
  public Bound bound(Phase phase, List<Integer> computing, boolean ahead, int microBatches) {
    double loading = 0;
    double attending = 0;
    double busiest = 0;
    String name = "nothing";
    String attendingName = "nothing";
    double most = 0;
    double longestInLine = 0;
    String inLineName = "nothing";
    for (int resource = 0; resource < resources.count(); resource++) {
      var here = of(phase, resource);
      loading = Math.max(loading, here.loading());
      if (here.attending() > attending) {
        attending = here.attending();
        attendingName = resources.name(resource);
      }
      if (here.inLine() > longestInLine) {
        longestInLine = here.inLine();
        inLineName = resources.name(resource);
      }
      double all = here.sum() + (ahead ? leaked(phase, resource) : 0);
      busiest = Math.max(busiest, ahead ? all : all - here.loading());
      if (all > most) {
        most = all;
        name = resources.name(resource);
      }
    }
    double waiting = 0;
    double longest = 0;
    double inLine = inLine(phase, computing);
    for (int own : computing) {
      double all = own(phase, own) + inLine;
      double hidden = microBatches > 1 ? before(phase, own) + inLine : 0;
      waiting = Math.max(waiting, all + Math.max(0, attending - hidden) / microBatches);
      waiting = Math.max(waiting, attending + all / microBatches);
      if (microBatches > 1) {
        waiting = Math.max(waiting, all + (2 * attending - all) / microBatches);
      }
      if (waiting > busiest && all > longest) {
        longest = all;
        name =
            attending > all
                ? attendingName
                : 2 * longestInLine > all ? inLineName : resources.name(own);
      }
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
