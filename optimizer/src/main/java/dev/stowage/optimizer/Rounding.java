package dev.stowage.optimizer;

import dev.stowage.optimizer.Placement.WaitingHidden;
import dev.stowage.optimizer.cost.MemoryUse;
import dev.stowage.optimizer.cost.Resources;
import dev.stowage.optimizer.cost.WeightWork;
import dev.stowage.optimizer.formulate.KvGroup;
import dev.stowage.optimizer.formulate.KvPart;
import dev.stowage.optimizer.formulate.Routes;
import dev.stowage.optimizer.formulate.Settled;
import dev.stowage.optimizer.formulate.WeightClass;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Range;
import dev.stowage.plan.Weight;
import dev.stowage.plan.WeightRegion;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Turns shares into whole units by largest remainder: rows of weights, alike in every layer of a
 * class; tokens, heads or sequences of the KV cache; micro-batches of waiting activations. A share
 * under half a unit gets none. Every bound of the plan is kept to within one unit; capacities are
 * kept exactly.
 */
public final class Rounding {
  private static final int MOST_REPAIRS = 256;

  private Rounding() {}

  /**
   * Whole units for shares that sum to one.
   *
   * @param shares none negative
   * @return counts that sum to {@code units}, each within one of its share, but for shares under
   *     half a unit
   */
  public static int[] units(double[] shares, int units) {
    var exact = new double[shares.length];
    double sum = 0;
    for (int i = 0; i < shares.length; i++) {
      exact[i] = shares[i] * units < 0.5 ? 0 : shares[i];
      sum += exact[i];
    }
    var counts = new int[shares.length];
    if (sum == 0) {
      counts[largest(shares)] = units;
      return counts;
    }
    int left = units;
    for (int i = 0; i < shares.length; i++) {
      exact[i] = exact[i] / sum * units;
      counts[i] = (int) Math.min(left, Math.floor(exact[i] + 1e-9));
      left -= counts[i];
    }
    var byRemainder =
        IntStream.range(0, shares.length)
            .filter(i -> exact[i] > 0)
            .boxed()
            .sorted(
                Comparator.<Integer>comparingDouble(i -> counts[i] - exact[i])
                    .thenComparing(Comparator.naturalOrder()))
            .toList();
    for (int i = 0; left > 0; i = (i + 1) % byRemainder.size()) {
      counts[byRemainder.get(i)]++;
      left--;
    }
    return counts;
  }

  /** Units of every route's share of every part of the cache. */
  public static Map<KvPart, Map<Routes.Alike, Integer>> kv(
      Problem problem, BatchShape batch, Map<KvPart, Map<Routes.Alike, Double>> shares) {
    var units = new LinkedHashMap<KvPart, Map<Routes.Alike, Integer>>();
    shares.forEach(
        (part, byRoute) -> {
          var routes = List.copyOf(byRoute.keySet());
          var exact = routes.stream().mapToDouble(r -> Math.max(0, byRoute.get(r))).toArray();
          var counts = units(exact, part.units(problem, batch));
          var whole = new LinkedHashMap<Routes.Alike, Integer>();
          for (int i = 0; i < counts.length; i++) {
            if (counts[i] > 0) {
              whole.put(routes.get(i), counts[i]);
            }
          }
          units.put(part, whole);
        });
    return units;
  }

  /**
   * Regions of so many units each that fill the cache: tokens of prompts, heads and sequences from
   * the slowest device to the fastest; generated tokens from the fastest to the slowest, so that
   * neighbours of one route are one region, and what is read most often lies on the fastest. Layers
   * of one group are cut alike; neighbouring ones share their regions.
   */
  public static List<KvRegion> regions(
      Problem problem, BatchShape batch, Map<KvPart, Map<Routes.Alike, Integer>> units) {
    var regions = new ArrayList<KvRegion>();
    for (var group : units.keySet().stream().map(KvPart::group).distinct().toList()) {
      var parts = units.keySet().stream().filter(p -> p.group().equals(group)).toList();
      for (var run : group.runs()) {
        var box = new Box(problem, batch, group, run);
        parts.forEach(part -> box.add(part, units.get(part)));
        regions.addAll(box.regions);
      }
    }
    return List.copyOf(regions);
  }

  /** Neighbouring layers' part of the cache, which regions fill. */
  private static final class Box {
    private final Problem problem;
    private final BatchShape batch;
    private final KvGroup group;
    private final Range layers;
    private final List<KvRegion> regions = new ArrayList<>();

    Box(Problem problem, BatchShape batch, KvGroup group, Range layers) {
      this.problem = problem;
      this.batch = batch;
      this.group = group;
      this.layers = layers;
    }

    void add(KvPart part, Map<Routes.Alike, Integer> units) {
      boolean tokens = group.axis() == KvAxis.TOKENS;
      boolean generated = part.tokens().from() > 0;
      var slowestFirst =
          Comparator.<Routes.Alike>comparingInt(
              routes -> -speed(problem.machine().device(routes.first().home())));
      var order =
          units.keySet().stream()
              .sorted(generated ? slowestFirst.reversed() : slowestFirst)
              .toList();
      int from = tokens ? part.tokens().from() : 0;
      for (var routes : order) {
        int to = from + units.get(routes);
        var range = new Range(from, to);
        var last = regions.isEmpty() ? null : regions.getLast();
        if (last != null && tokens && isOn(routes.routes().getLast(), last)) {
          var merged = regions.stream().filter(r -> isOnAny(routes, r)).toList();
          range =
              new Range(merged.stream().mapToInt(r -> r.tokens().from()).min().orElseThrow(), to);
          regions.removeAll(merged);
        }
        divide(routes, range);
        from = to;
      }
    }

    /**
     * Like drives divide heads, or sequences where there are fewer heads than drives
     * (InstAttention, section IV): so each has as much to read at any time. A cache that is cut by
     * heads or sequences is cut further along that edge.
     */
    private void divide(Routes.Alike routes, Range range) {
      int drives = routes.count();
      var heads = Range.upTo(problem.shape().kvHeads());
      var sequences = Range.upTo(batch.sequences());
      var tokens = Range.upTo(batch.tokens());
      for (int drive = 0; drive < drives; drive++) {
        var route = routes.routes().get(drive);
        switch (group.axis()) {
          case HEADS -> add(route, sequences, part(range, drive, drives), tokens);
          case SEQUENCES -> add(route, part(range, drive, drives), heads, tokens);
          case TOKENS -> {
            if (heads.size() >= drives) {
              add(route, sequences, part(heads, drive, drives), range);
            } else if (sequences.size() >= drives) {
              add(route, part(sequences, drive, drives), heads, range);
            } else {
              add(route, sequences, heads, part(range, drive, drives));
            }
          }
        }
      }
    }

    private void add(Routes.Kv route, Range sequences, Range heads, Range tokens) {
      if (sequences.isEmpty() || heads.isEmpty() || tokens.isEmpty()) {
        return;
      }
      boolean again = regions.stream().anyMatch(region -> isOn(route, region));
      String some = group.all() ? "" : ".layers.%d-%d".formatted(layers.from(), layers.to() - 1);
      regions.add(
          new KvRegion(
              route.name() + some + (again ? ".generated" : ""),
              layers,
              sequences,
              heads,
              tokens,
              route.home(),
              route.attendAt(),
              route.sparsity()));
    }
  }

  /** The part of a range that one of several gets. */
  private static Range part(Range all, int index, int of) {
    int from = all.from() + (int) ((long) all.size() * index / of);
    return new Range(from, all.from() + (int) ((long) all.size() * (index + 1) / of));
  }

  private static boolean isOnAny(Routes.Alike routes, KvRegion region) {
    return routes.routes().stream().anyMatch(route -> isOn(route, region));
  }

  private static boolean isOn(Routes.Kv route, KvRegion region) {
    return region.device().equals(route.home())
        && region.attendAt().equals(route.attendAt())
        && region.sparsity().equals(route.sparsity());
  }

  /** Whole micro-batches of waiting activations. */
  public static List<WaitingHidden> waiting(BatchShape batch, Map<String, Double> shares) {
    var devices = List.copyOf(shares.keySet());
    var counts =
        units(
            devices.stream().mapToDouble(device -> Math.max(0, shares.get(device))).toArray(),
            batch.microBatches());
    return IntStream.range(0, counts.length)
        .filter(i -> counts[i] > 0)
        .mapToObj(i -> new WaitingHidden(devices.get(i), counts[i]))
        .toList();
  }

  /**
   * Whole rows for the weights' shares, beside what is settled. Where rounding up would exceed a
   * device, rows move to another home of their class that has room.
   *
   * @return regions with which every device's exact bytes fit and every bound on weights is kept to
   *     within a row of each matrix, or nothing where no move helps
   */
  public static Optional<List<WeightRegion>> weights(
      Resources resources,
      BatchShape batch,
      int prefetch,
      Map<WeightClass, Map<Routes.Weights, Double>> shares,
      Settled settled) {
    var problem = resources.problem();
    var cuts = new ArrayList<Cut>();
    shares.forEach(
        (c, byRoute) -> {
          var routes = fastestFirst(problem, byRoute);
          var exact = routes.stream().mapToDouble(r -> Math.max(0, byRoute.get(r))).toArray();
          for (var weight : c.matrices()) {
            int[] rows = units(exact, problem.shape().rows(weight));
            cuts.add(new Cut(weight, c.layers(), routes, rows));
          }
        });
    for (int repair = 0; repair < MOST_REPAIRS; repair++) {
      var regions = cuts.stream().flatMap(cut -> cut.regions().stream()).toList();
      var use = MemoryUse.of(problem, batch, prefetch, regions, settled.kv(), settled.waiting());
      var excess = excess(problem, use);
      if (excess.isEmpty()) {
        return keepsShares(problem, regions) ? Optional.of(regions) : Optional.empty();
      }
      var over = excess.firstEntry();
      if (!moveRows(resources, batch, cuts, use, over.getKey(), over.getValue())) {
        return Optional.empty();
      }
    }
    return Optional.empty();
  }

  private static boolean keepsShares(Problem problem, List<WeightRegion> regions) {
    var shape = problem.shape();
    for (var bound : problem.bounds().shares()) {
      if (bound.thing() instanceof Thing.Weights thing) {
        double all = 0;
        double there = 0;
        double unit = 0;
        for (var region : regions) {
          for (int layer = region.layers().from(); layer < region.layers().to(); layer++) {
            if (thing.covers(region.weight(), layer)) {
              double bytes = (double) region.rows().size() * shape.rowBytes(region.weight(), layer);
              all += bytes;
              there += bound.devices().contains(region.home()) ? bytes : 0;
              unit += shape.rowBytes(region.weight(), layer);
            }
          }
        }
        if (there < bound.atLeast() * all - unit || there > bound.atMost() * all + unit) {
          return false;
        }
      }
    }
    return true;
  }

  /** By how many bytes devices, and peaks that the author set, are exceeded. */
  static TreeMap<String, Long> excess(Problem problem, MemoryUse use) {
    var excess = new TreeMap<String, Long>();
    for (var device : problem.machine().devices()) {
      long over = use.on(device.name()).total() - limit(problem, device);
      if (over > 0) {
        excess.put(device.name(), over);
      }
    }
    return excess;
  }

  private static long limit(Problem problem, DeviceSpec device) {
    long limit = device.usableBytes();
    for (var level : problem.bounds().levels()) {
      if (level instanceof Bounds.ServiceLevel.Peak peak && peak.device().equals(device.name())) {
        limit = Math.min(limit, peak.bytes());
      }
    }
    return limit;
  }

  /** Rows of one matrix, alike in some layers, counted by route. */
  private record Cut(Weight weight, Range layers, List<Routes.Weights> routes, int[] rows) {
    List<WeightRegion> regions() {
      var regions = new ArrayList<WeightRegion>();
      int from = 0;
      for (int i = 0; i < rows.length; i++) {
        if (rows[i] > 0) {
          regions.add(region(new Range(from, from + rows[i]), i));
          from += rows[i];
        }
      }
      return regions;
    }

    WeightRegion region(Range rows, int route) {
      var to = routes.get(route);
      return new WeightRegion(weight, layers, rows, to.home(), to.type());
    }

    /** Bytes that a row on a route takes in all layers. */
    long rowBytes(Problem problem, int route) {
      return layers.size() * problem.shape().rowBytes(weight, routes.get(route).type());
    }
  }

  /** Rows of a cut that may move to another of its routes. */
  private record Move(Cut cut, int from, int to, long rows, double effortPerByte) {}

  /** Moves the rows that cost least to move; whether there were any. */
  private static boolean moveRows(
      Resources resources,
      BatchShape batch,
      List<Cut> cuts,
      MemoryUse use,
      String device,
      long excess) {
    var moves = new ArrayList<Move>();
    for (var cut : cuts) {
      for (int from = 0; from < cut.routes().size(); from++) {
        if (cut.routes().get(from).home().equals(device) && cut.rows()[from] > 0) {
          for (int to = 0; to < cut.routes().size(); to++) {
            addMove(resources, batch, cut, from, to, use, excess, moves);
          }
        }
      }
    }
    var cheapest = moves.stream().min(Comparator.comparingDouble(Move::effortPerByte));
    cheapest.ifPresent(
        move -> {
          move.cut().rows()[move.from()] -= (int) move.rows();
          move.cut().rows()[move.to()] += (int) move.rows();
        });
    return cheapest.isPresent();
  }

  private static void addMove(
      Resources resources,
      BatchShape batch,
      Cut cut,
      int from,
      int to,
      MemoryUse use,
      long excess,
      List<Move> moves) {
    if (to == from || cut.rows()[to] == 0) {
      return;
    }
    var problem = resources.problem();
    var home = problem.machine().device(cut.routes().get(to).home());
    long there = cut.rowBytes(problem, to);
    boolean here = home.name().equals(cut.routes().get(from).home());
    long freed = cut.rowBytes(problem, from) - (here ? there : 0);
    if (freed <= 0) {
      return;
    }
    long room = here ? Long.MAX_VALUE : limit(problem, home) - use.on(home.name()).total();
    long rows = Math.min(Math.min((excess + freed - 1) / freed, cut.rows()[from]), room / there);
    if (rows > 0) {
      double effort = effort(resources, batch, cut, to) - effort(resources, batch, cut, from);
      moves.add(new Move(cut, from, to, rows, effort / freed));
    }
  }

  /** Seconds that one row on that route keeps resources busy. */
  private static double effort(Resources resources, BatchShape batch, Cut cut, int route) {
    return WeightWork.of(resources, batch, cut.region(Range.upTo(1), route)).total();
  }

  private static List<Routes.Weights> fastestFirst(
      Problem problem, Map<Routes.Weights, Double> byRoute) {
    return byRoute.keySet().stream()
        .sorted(Comparator.comparingInt(r -> speed(problem.machine().device(r.home()))))
        .toList();
  }

  /** Rank by kind, the fastest first. */
  private static int speed(DeviceSpec device) {
    return switch (device.kind()) {
      case GPU -> 0;
      case HOST -> 1;
      case CSD -> 2;
      case DISK -> 3;
    };
  }

  private static int largest(double[] shares) {
    int largest = 0;
    for (int i = 1; i < shares.length; i++) {
      if (shares[i] > shares[largest]) {
        largest = i;
      }
    }
    return largest;
  }
}
