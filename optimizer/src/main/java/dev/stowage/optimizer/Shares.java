package dev.stowage.optimizer;

import dev.stowage.optimizer.cost.MemoryUse;
import dev.stowage.optimizer.formulate.Settled;
import dev.stowage.optimizer.formulate.WeightClass;
import dev.stowage.plan.Asked;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.WeightRegion;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** What was asked, planned and realised, by thing and device. */
final class Shares {
  private Shares() {}

  static List<Asked> of(Problem problem, BatchShape batch, Settling.Whole whole) {
    var shares = new ArrayList<Asked>();
    var all = Thing.Weights.all(problem.shape());
    add(
        problem,
        "weights",
        planned(problem, whole),
        weightBytes(problem, whole.weights(), all),
        storedBytes(problem, whole),
        shares);
    var kv = kvBytes(problem, whole.settled(), new Thing.Kv());
    add(problem, "kv", plannedKv(problem, whole), kv, kv, shares);
    var waiting = waiting(problem, batch, whole.settled());
    add(problem, "activations", plannedWaiting(whole), waiting, waiting, shares);
    return shares;
  }

  /** The share of a thing's bytes that whole units realise on some devices. */
  static double realised(
      Problem problem,
      Settled settled,
      List<WeightRegion> weights,
      Thing thing,
      List<String> devices) {
    var bytes =
        switch (thing) {
          case Thing.Weights some -> weightBytes(problem, weights, some);
          case Thing.Kv some -> kvBytes(problem, settled, some);
          case Thing.Activations _ -> microBatches(settled);
        };
    double all = bytes.values().stream().mapToLong(Long::longValue).sum();
    double there =
        bytes.entrySet().stream()
            .filter(entry -> devices.contains(entry.getKey()))
            .mapToLong(Map.Entry::getValue)
            .sum();
    return all > 0 ? there / all : 0;
  }

  private static Map<String, Long> weightBytes(
      Problem problem, List<WeightRegion> weights, Thing.Weights thing) {
    var shape = problem.shape();
    var bytes = new LinkedHashMap<String, Long>();
    for (var region : weights) {
      for (int layer = region.layers().from(); layer < region.layers().to(); layer++) {
        if (thing.covers(region.weight(), layer)) {
          bytes.merge(
              region.home(),
              region.rows().size() * shape.rowBytes(region.weight(), layer),
              Long::sum);
        }
      }
    }
    return bytes;
  }

  private static Map<String, Long> microBatches(Settled settled) {
    var counts = new LinkedHashMap<String, Long>();
    settled.waiting().forEach(w -> counts.put(w.device(), (long) w.microBatches()));
    return counts;
  }

  private static void add(
      Problem problem,
      String what,
      Map<String, Double> planned,
      Map<String, Long> shareOf,
      Map<String, Long> stored,
      List<Asked> shares) {
    double all = shareOf.values().stream().mapToLong(Long::longValue).sum();
    for (var device : problem.machine().devices()) {
      String asked = asked(problem, what, device.name());
      double share = planned.getOrDefault(device.name(), 0.0);
      long realised = shareOf.getOrDefault(device.name(), 0L);
      if (realised > 0 || !asked.equals("auto")) {
        shares.add(
            new Asked(
                what,
                device.name(),
                asked,
                // Digits that a solver's order of operations does not change.
                Math.rint(Math.clamp(share, 0, 1) * 1e9) / 1e9,
                all > 0 ? realised / all : 0,
                stored.getOrDefault(device.name(), 0L)));
      }
    }
  }

  private static String asked(Problem problem, String what, String device) {
    var bounds = problem.bounds();
    var statements =
        Stream.of(
                bounds.only().stream()
                    .filter(b -> b.thing().word().equals(what) && b.devices().contains(device))
                    .map(Bounds.OnlyOn::source),
                bounds.shares().stream()
                    .filter(b -> b.thing().word().equals(what) && b.devices().contains(device))
                    .map(Bounds.Share::source),
                bounds.preferences().stream()
                    .filter(b -> b.thing().word().equals(what) && b.devices().contains(device))
                    .map(Bounds.Preference::source))
            .flatMap(sources -> sources)
            .map(Source::text)
            .distinct()
            .collect(Collectors.joining("; "));
    return statements.isEmpty() ? "auto" : statements;
  }

  private static Map<String, Double> planned(Problem problem, Settling.Whole whole) {
    var program = whole.settledProgram();
    double all = problem.shape().matrixBytes();
    var planned = new LinkedHashMap<String, Double>();
    for (var entry : program.formulation().weightShares(program.last().values()).entrySet()) {
      WeightClass c = entry.getKey();
      entry
          .getValue()
          .forEach(
              (route, share) ->
                  planned.merge(route.home(), share * c.bytes(problem.shape()) / all, Double::sum));
    }
    return planned;
  }

  private static Map<String, Double> plannedKv(Problem problem, Settling.Whole whole) {
    var planned = new LinkedHashMap<String, Double>();
    var program = whole.planned();
    program
        .formulation()
        .kvShares(program.last().values())
        .forEach(
            (part, byRoute) -> {
              double ofAll = part.ofAll(problem, program.formulation().batch());
              byRoute.forEach(
                  (alike, share) ->
                      alike
                          .routes()
                          .forEach(
                              route ->
                                  planned.merge(
                                      route.home(), share * ofAll / alike.count(), Double::sum)));
            });
    return planned;
  }

  private static Map<String, Double> plannedWaiting(Settling.Whole whole) {
    var program = whole.planned();
    return program.formulation().waitingShares(program.last().values());
  }

  private static Map<String, Long> storedBytes(Problem problem, Settling.Whole whole) {
    var bytes = new LinkedHashMap<String, Long>();
    whole.weights().forEach(r -> bytes.merge(r.home(), r.bytes(problem.shape()), Long::sum));
    return bytes;
  }

  private static Map<String, Long> kvBytes(Problem problem, Settled settled, Thing.Kv thing) {
    var bytes = new LinkedHashMap<String, Long>();
    for (var region : settled.kv()) {
      var layers = region.layers();
      long meant = IntStream.range(layers.from(), layers.to()).filter(thing::covers).count();
      if (meant > 0) {
        long all = region.bytes(problem.shape().headDim(), problem.kvType());
        bytes.merge(region.device(), all / layers.size() * meant, Long::sum);
      }
    }
    return bytes;
  }

  private static Map<String, Long> waiting(Problem problem, BatchShape batch, Settled settled) {
    var bytes = new LinkedHashMap<String, Long>();
    settled
        .waiting()
        .forEach(
            w ->
                bytes.merge(
                    w.device(),
                    w.microBatches() * MemoryUse.hiddenBytes(problem, batch),
                    Long::sum));
    return bytes;
  }
}
