package dev.stowage.optimizer.advice;

import dev.stowage.optimizer.Bounds;
import dev.stowage.optimizer.Bounds.AttentionPlace;
import dev.stowage.optimizer.Bounds.OnlyOn;
import dev.stowage.optimizer.LpSolver;
import dev.stowage.optimizer.Objective.Goal;
import dev.stowage.optimizer.Optimizer;
import dev.stowage.optimizer.Placement;
import dev.stowage.optimizer.PlacementOutcome.Placed;
import dev.stowage.optimizer.Problem;
import dev.stowage.optimizer.Source;
import dev.stowage.optimizer.Thing;
import dev.stowage.optimizer.advice.Advice.Purchase;
import dev.stowage.optimizer.advice.Advice.RunnerUp;
import dev.stowage.optimizer.advice.Advice.StatementCost;
import dev.stowage.optimizer.advice.Advice.UnusedRoute;
import dev.stowage.optimizer.formulate.KvGroup;
import dev.stowage.optimizer.formulate.Routes;
import dev.stowage.plan.Machine;
import dev.stowage.plan.Rate;
import dev.stowage.plan.Schedule;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Solves and plans a problem again with one thing changed at a time. */
final class Advising {
  private static final int PURCHASES = 6;
  private static final int STATEMENTS = 5;
  private static final int ROUTES = 3;
  private static final int RUNNERS_UP = 5;
  private static final int HALVINGS = 5;
  private static final double SMALL_STEP = 1e-3;
  private static final double LARGEST_FACTOR = 8;
  private static final double USED = 0.01;
  private static final Source ASSUMED = new Source("advice", 0, 0, "");

  /** KV on the devices of one name, attended on the device of another. */
  private record Place(String home, String attendAt) {
    static Place of(Routes.Kv route) {
      return new Place(Resource.array(route.home()), Resource.array(route.attendAt()));
    }

    String words() {
      return "KV on "
          + home
          + ", attention "
          + (home.equals(attendAt) ? "there" : "on " + attendAt);
    }
  }

  private final Problem problem;
  private final Placement placement;
  private final Optimizer optimizer;
  private final double throughput;
  private final List<String> leftOut = new ArrayList<>();

  Advising(Problem problem, Placement placement, LpSolver solver) {
    this.problem = problem;
    this.placement = placement;
    this.optimizer = new Optimizer(solver);
    this.throughput = placement.predicted().throughputTokensPerSecond();
  }

  Advice advice() {
    if (!(problem.objective().first() instanceof Goal.MaximizeThroughput)) {
      leftOut.add(
          "the plan's first goal is not throughput: gains are what its throughput changes by where that goal is kept");
    }
    return new Advice(throughput, purchases(), statements(), unusedRoutes(), runnersUp(), leftOut);
  }

  private List<Purchase> purchases() {
    double before = atShape(problem.machine()).orElse(throughput);
    var purchases = new ArrayList<Purchase>();
    for (var resource : Resource.of(problem.machine())) {
      var little = atShape(resource.times(problem.machine(), 1 + SMALL_STEP));
      var more = atShape(resource.times(problem.machine(), 1 + Advice.MORE));
      purchases.add(
          new Purchase(
              resource,
              resource.amount(problem.machine()),
              map(little, t -> noise(t - before) * Advice.MORE / SMALL_STEP),
              map(more, t -> noise(t - before)),
              OptionalDouble.empty()));
    }
    purchases.sort(Comparator.comparingDouble(p -> -p.gain()));
    int most = Math.min(PURCHASES, purchases.size());
    for (int i = 0; i < most; i++) {
      var p = purchases.get(i);
      var better = planned(with(p.resource().times(problem.machine(), 1 + Advice.MORE)));
      purchases.set(
          i,
          new Purchase(
              p.resource(), p.now(), p.slope(), p.sameShape(), map(better, t -> t - throughput)));
    }
    if (most < purchases.size()) {
      leftOut.add(
          "%d resources with the least to gain at this batch shape were not planned anew"
              .formatted(purchases.size() - most));
    }
    purchases.sort(Comparator.comparingDouble(p -> -p.gain()));
    return purchases;
  }

  private double noise(double difference) {
    return Math.abs(difference) < 1e-7 * throughput ? 0 : difference;
  }

  private List<StatementCost> statements() {
    var sources = new LinkedHashSet<Source>();
    var b = problem.bounds();
    b.only().forEach(s -> sources.add(s.source()));
    b.shares().forEach(s -> sources.add(s.source()));
    b.preferences().forEach(s -> sources.add(s.source()));
    b.levels().forEach(s -> sources.add(s.source()));
    b.attention().forEach(s -> sources.add(s.source()));
    b.quality().ifPresent(s -> sources.add(s.source()));
    // One statement may set several bounds, each with the part of it that says so.
    var statements = new ArrayList<Source>();
    for (var source : sources) {
      if (statements.stream().noneMatch(s -> overlap(s, source))) {
        statements.add(source);
      }
    }
    var costs = new ArrayList<StatementCost>();
    for (var source : statements.stream().limit(STATEMENTS).toList()) {
      planned(with(without(source)))
          .ifPresent(t -> costs.add(new StatementCost(source, t - throughput)));
    }
    if (statements.size() > STATEMENTS) {
      leftOut.add("%d statements were not priced".formatted(statements.size() - STATEMENTS));
    }
    if (!b.formats().isEmpty() || !b.sparse().isEmpty()) {
      leftOut.add("what is allowed to be approximate was kept: such statements were not priced");
    }
    costs.sort(Comparator.comparingDouble(c -> -c.gain()));
    return costs;
  }

  private Bounds without(Source source) {
    var b = problem.bounds();
    return new Bounds(
        keep(b.only(), s -> !overlap(s.source(), source)),
        keep(b.shares(), s -> !overlap(s.source(), source)),
        keep(b.preferences(), s -> !overlap(s.source(), source)),
        keep(b.levels(), s -> !overlap(s.source(), source)),
        b.kvAxis(),
        keep(b.attention(), s -> !overlap(s.source(), source)),
        b.formats(),
        b.sparse(),
        b.quality().filter(q -> !overlap(q.source(), source)),
        b.cuts());
  }

  private static boolean overlap(Source a, Source b) {
    return a.file().equals(b.file())
        && a.offset() < b.offset() + b.length()
        && b.offset() < a.offset() + a.length();
  }

  private static <T> List<T> keep(List<T> all, Predicate<T> kept) {
    return all.stream().filter(kept).toList();
  }

  private List<UnusedRoute> unusedRoutes() {
    var routes = new ArrayList<UnusedRoute>();
    for (var place : unused()) {
      if (routes.size() == ROUTES) {
        leftOut.add("not all unused places of KV were tried with faster rates");
        break;
      }
      var governing = governing(place);
      routes.add(
          new UnusedRoute(
              place.words(),
              governing,
              governing.amount(problem.machine()),
              factor(place, governing)));
    }
    return routes;
  }

  /** The smallest factor found between one that does not suffice and one that does. */
  private Optional<Double> factor(Place place, Resource governing) {
    double high = LARGEST_FACTOR;
    if (!uses(place, governing, high)) {
      return Optional.empty();
    }
    double low = 1;
    for (int i = 0; i < HALVINGS; i++) {
      double middle = Math.sqrt(low * high);
      if (uses(place, governing, middle)) {
        high = middle;
      } else {
        low = middle;
      }
    }
    return Optional.of(high);
  }

  private boolean uses(Place place, Resource governing, double factor) {
    return optimizer.kvOfBest(with(governing.times(problem.machine(), factor))).entrySet().stream()
            .filter(e -> Place.of(e.getKey()).equals(place))
            .mapToDouble(e -> e.getValue())
            .sum()
        > USED;
  }

  private List<Place> unused() {
    var used =
        placement.kv().stream()
            .map(r -> new Place(Resource.array(r.device()), Resource.array(r.attendAt())))
            .toList();
    return Routes.kv(problem).stream()
        .filter(r -> allowed(problem, r))
        .map(Place::of)
        .distinct()
        .filter(p -> !used.contains(p))
        .toList();
  }

  /** Whether the cache of some layers may take a route. */
  private static boolean allowed(Problem problem, Routes.Kv route) {
    var bounds = problem.bounds();
    return bounds.attention().stream().allMatch(a -> a.allows(route.home(), route.attendAt()))
        && KvGroup.of(problem).stream()
            .anyMatch(
                group ->
                    bounds.only().stream()
                        .filter(o -> o.thing() instanceof Thing.Kv kv && group.within(kv))
                        .allMatch(o -> o.devices().contains(route.home())));
  }

  /** Memory of the gpu, attention of the host, flash of a drive, or the way to where it attends. */
  private Resource governing(Place place) {
    var home =
        problem.machine().devices().stream()
            .filter(d -> Resource.array(d.name()).equals(place.home()))
            .findFirst()
            .orElseThrow();
    boolean there = place.home().equals(place.attendAt());
    return switch (home.kind()) {
      case CSD -> new Resource.DeviceRate(place.home(), Rate.ATTENTION);
      case DISK -> new Resource.DeviceRate(place.home(), Rate.READ);
      case GPU -> new Resource.Memory(place.home());
      case HOST ->
          there
              ? new Resource.DeviceRate(place.home(), Rate.ATTENTION)
              : new Resource.Link(place.home(), place.attendAt());
    };
  }

  private List<RunnerUp> runnersUp() {
    var runners = new ArrayList<RunnerUp>();
    var places =
        Routes.kv(problem).stream()
            .filter(r -> allowed(problem, r))
            .map(Place::of)
            .distinct()
            .toList();
    for (var place : places.stream().limit(RUNNERS_UP).toList()) {
      boolean same =
          placement.kv().stream()
              .allMatch(
                  r ->
                      Resource.array(r.device()).equals(place.home())
                          && Resource.array(r.attendAt()).equals(place.attendAt()));
      if (!same) {
        planned(with(all(place)))
            .ifPresent(t -> runners.add(new RunnerUp("all " + place.words(), t)));
      }
    }
    if (places.size() > RUNNERS_UP) {
      leftOut.add("%d places for all of the KV".formatted(places.size() - RUNNERS_UP));
    }
    boolean zigZag = problem.order() instanceof Schedule.Order.ZigZag;
    Schedule.Order other = zigZag ? new Schedule.Order.RowByRow() : new Schedule.Order.ZigZag();
    planned(
            new Problem(
                problem.machine(),
                problem.shape(),
                problem.kvType(),
                problem.workload(),
                problem.stages(),
                problem.computing(),
                other,
                problem.prefetch(),
                problem.bounds(),
                problem.objective(),
                problem.pageable()))
        .ifPresent(t -> runners.add(new RunnerUp(zigZag ? "row by row" : "zig-zag", t)));
    runners.sort(Comparator.comparingDouble(r -> -r.throughput()));
    return runners;
  }

  private Bounds all(Place place) {
    var b = problem.bounds();
    var homes = members(place.home());
    var only = new OnlyOn(new Thing.Kv(), homes, ASSUMED);
    var attend = new AttentionPlace(homes, members(place.attendAt()), ASSUMED);
    return new Bounds(
        Stream.concat(b.only().stream(), Stream.of(only)).toList(),
        b.shares(),
        b.preferences(),
        b.levels(),
        b.kvAxis(),
        Stream.concat(b.attention().stream(), Stream.of(attend)).toList(),
        b.formats(),
        b.sparse(),
        b.quality(),
        b.cuts());
  }

  private List<String> members(String name) {
    return problem.machine().devices().stream()
        .map(d -> d.name())
        .filter(d -> Resource.array(d).equals(name))
        .toList();
  }

  /** Tokens a second at the placement's batch shape, in fractions. */
  private OptionalDouble atShape(Machine machine) {
    var typical = problem.workload().typical(placement.batch());
    return map(
        optimizer.boundAt(
            with(machine), placement.batch(), placement.kvType(), placement.prefetch()),
        seconds -> (double) typical.sequences() * typical.generateTokens() / seconds);
  }

  private OptionalDouble planned(Problem changed) {
    return optimizer.place(changed) instanceof Placed(var better)
        ? OptionalDouble.of(better.predicted().throughputTokensPerSecond())
        : OptionalDouble.empty();
  }

  private Problem with(Machine machine) {
    return new Problem(
        machine,
        problem.shape(),
        problem.kvType(),
        problem.workload(),
        problem.stages(),
        problem.computing(),
        problem.order(),
        problem.prefetch(),
        problem.bounds(),
        problem.objective(),
        problem.pageable());
  }

  private Problem with(Bounds bounds) {
    return new Problem(
        problem.machine(),
        problem.shape(),
        problem.kvType(),
        problem.workload(),
        problem.stages(),
        problem.computing(),
        problem.order(),
        problem.prefetch(),
        bounds,
        problem.objective(),
        problem.pageable());
  }

  private static OptionalDouble map(OptionalDouble value, Function<Double, Double> change) {
    return value.isPresent()
        ? OptionalDouble.of(change.apply(value.getAsDouble()))
        : OptionalDouble.empty();
  }
}
