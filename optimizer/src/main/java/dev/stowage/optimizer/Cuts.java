package dev.stowage.optimizer;

import dev.stowage.plan.Machine;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Range;
import dev.stowage.plan.Rate;
import dev.stowage.plan.Stages;
import dev.stowage.plan.Weight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * The ways to cut layers over several devices: neighbouring layers on each, on some of them none. A
 * layer is computed only where what the author wants of its weights and KV can lie: in the memory
 * of the device that computes it, or in memory that is no such device's.
 */
public final class Cuts {
  /** So many devices are tried in every order where that of the machine is ruled out. */
  private static final int MOST_ORDERED = 5;

  /** From this share on a bound means all of a thing. */
  private static final double ALL = 1 - 1e-9;

  private final Machine machine;
  private final ModelShape shape;
  private final List<String> devices; // in the order of their layers
  private final boolean[][] allowed; // [device][layer]

  /**
   * @param devices some of those that may compute, in the order of their layers
   */
  private Cuts(
      Machine machine,
      ModelShape shape,
      Bounds bounds,
      List<String> computing,
      List<String> devices) {
    this.machine = DefaultRates.complete(machine);
    this.shape = shape;
    this.devices = devices;
    allowed = new boolean[devices.size()][shape.layers()];
    for (int device = 0; device < allowed.length; device++) {
      for (int layer = 0; layer < shape.layers(); layer++) {
        allowed[device][layer] = isAllowed(bounds, computing, devices.get(device), layer);
      }
    }
  }

  /**
   * A first cut: layers in proportion to memory bandwidths where the devices hold the model so, or
   * else to what they hold.
   *
   * @param devices that may compute
   * @return nothing where every cut is ruled out
   */
  public static Optional<Stages> first(
      Machine machine, ModelShape shape, Bounds bounds, List<String> devices) {
    return orders(devices).stream()
        .map(order -> new Cuts(machine, shape, bounds, devices, order).nearest())
        .flatMap(Optional::stream)
        .findFirst();
  }

  /**
   * Cuts near another: some layers go to the device beside.
   *
   * @param step how many
   */
  static List<Stages> near(Problem problem, Stages stages, int step) {
    var order = new ArrayList<>(stages.devices());
    problem.computing().stream().filter(d -> !order.contains(d)).forEach(order::add);
    var cuts = of(problem, order);
    int[] counts =
        order.stream()
            .mapToInt(d -> stages.find(d).map(stage -> stage.layers().size()).orElse(0))
            .toArray();
    var near = new ArrayList<Stages>();
    for (int from = 0; from < counts.length; from++) {
      for (int to : new int[] {from - 1, from + 1}) {
        if (to >= 0 && to < counts.length && counts[from] > 0) {
          var moved = counts.clone();
          int layers = Math.min(step, counts[from]);
          moved[from] -= layers;
          moved[to] += layers;
          cuts.stages(moved).ifPresent(near::add);
        }
      }
    }
    return near;
  }

  /** All layers on one device, for each that may compute them all. */
  static List<Stages> whole(Problem problem) {
    return problem.computing().stream()
        .map(device -> of(problem, List.of(device)).stages(new int[] {problem.shape().layers()}))
        .flatMap(Optional::stream)
        .toList();
  }

  private static Cuts of(Problem problem, List<String> devices) {
    return new Cuts(
        problem.machine(), problem.shape(), problem.bounds(), problem.computing(), devices);
  }

  private static List<List<String>> orders(List<String> devices) {
    var orders = new ArrayList<List<String>>();
    orders.add(devices);
    if (devices.size() <= MOST_ORDERED) {
      permute(devices, List.of(), orders);
    }
    return orders;
  }

  private static void permute(List<String> left, List<String> chosen, List<List<String>> orders) {
    if (left.isEmpty()) {
      orders.add(chosen);
    }
    for (var next : left) {
      var rest = new ArrayList<>(left);
      rest.remove(next);
      var more = new ArrayList<>(chosen);
      more.add(next);
      permute(rest, more, orders);
    }
  }

  private boolean isAllowed(Bounds bounds, List<String> computing, String device, int layer) {
    for (var share : bounds.shares()) {
      if (share.atLeast() >= ALL
          && !fits(share.thing(), share.devices(), computing, device, layer)) {
        return false;
      }
    }
    return bounds.only().stream()
        .allMatch(only -> fits(only.thing(), only.devices(), computing, device, layer));
  }

  /** Whether what is to lie on some devices can, if a device computes the layer. */
  private boolean fits(
      Thing thing, List<String> homes, List<String> computing, String device, int layer) {
    return !speaksOf(thing, layer) || homes.contains(device) || !computing.containsAll(homes);
  }

  /**
   * Whether a bound is about a layer: with the first goes the embedding, with the last the head.
   */
  private boolean speaksOf(Thing thing, int layer) {
    return switch (thing) {
      case Thing.Kv kv -> kv.covers(layer);
      case Thing.Activations() -> false;
      case Thing.Weights weights -> {
        boolean any = false;
        for (var weight : Weight.values()) {
          boolean last =
              weight.group() == Weight.Group.HEAD || weight == Weight.TOKENS && shape.tiedHead();
          boolean here = weight.perLayer() || layer == (last ? shape.layers() - 1 : 0);
          any |= here && shape.rows(weight) > 0 && weights.covers(weight, layer);
        }
        yield any;
      }
    };
  }

  /** The stages with so many layers on each device; nothing where that is ruled out. */
  private Optional<Stages> stages(int[] counts) {
    var stages = new ArrayList<Stages.Stage>();
    int from = 0;
    for (int device = 0; device < counts.length; device++) {
      for (int layer = from; layer < from + counts[device]; layer++) {
        if (!allowed[device][layer]) {
          return Optional.empty();
        }
      }
      if (counts[device] > 0) {
        var layers = new Range(from, from + counts[device]);
        stages.add(new Stages.Stage(layers, devices.get(device)));
        from = layers.to();
      }
    }
    return Optional.of(new Stages(stages));
  }

  /** The cut whose numbers of layers are nearest to the ideal ones, among those not ruled out. */
  private Optional<Stages> nearest() {
    var ideal = ideal();
    int layers = shape.layers();
    var cost = new double[devices.size() + 1][layers + 1]; // of the first devices and layers
    var taken = new int[devices.size() + 1][layers + 1];
    Arrays.fill(cost[0], Double.POSITIVE_INFINITY);
    cost[0][0] = 0;
    for (int device = 0; device < devices.size(); device++) {
      for (int to = 0; to <= layers; to++) {
        cost[device + 1][to] = Double.POSITIVE_INFINITY;
        for (int count = 0; count <= to; count++) {
          if (count > 0 && !allowed[device][to - count]) {
            break;
          }
          double sum = cost[device][to - count] + Math.abs(count - ideal[device]);
          if (sum < cost[device + 1][to]) {
            cost[device + 1][to] = sum;
            taken[device + 1][to] = count;
          }
        }
      }
    }
    if (Double.isInfinite(cost[devices.size()][layers])) {
      return Optional.empty();
    }
    var counts = new int[devices.size()];
    int left = layers;
    for (int device = devices.size(); device > 0; device--) {
      counts[device - 1] = taken[device][left];
      left -= counts[device - 1];
    }
    return stages(counts);
  }

  /** Layers in proportion to bandwidths, as far as capacities reach; else to capacities. */
  private double[] ideal() {
    double layerBytes = (double) shape.matrixBytes() / shape.layers();
    var room =
        devices.stream().mapToDouble(d -> machine.device(d).usableBytes() / layerBytes).toArray();
    var rates =
        devices.stream().mapToDouble(d -> machine.device(d).rate(Rate.MEMORY_BANDWIDTH)).toArray();
    if (Arrays.stream(room).sum() <= shape.layers()) {
      return scaled(room, shape.layers());
    }
    var ideal = new double[room.length];
    double left = shape.layers();
    while (left > 1e-9) {
      double open = 0; // rates of devices that have room
      for (int i = 0; i < room.length; i++) {
        open += ideal[i] < room[i] ? rates[i] : 0;
      }
      double given = 0;
      for (int i = 0; i < room.length; i++) {
        if (ideal[i] < room[i]) {
          double more = Math.min(left * rates[i] / open, room[i] - ideal[i]);
          ideal[i] += more;
          given += more;
        }
      }
      left -= given;
    }
    return ideal;
  }

  private static double[] scaled(double[] parts, double sum) {
    double all = Arrays.stream(parts).sum();
    return Arrays.stream(parts)
        .map(part -> all > 0 ? part / all * sum : sum / parts.length)
        .toArray();
  }
}
