package dev.stowage.optimizer.cost;

import dev.stowage.optimizer.Problem;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.LinkSpec;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Rate;
import dev.stowage.plan.Weight;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What can be busy on a problem's machine, numbered in the order of names: {@code compute(d)},
 * {@code bandwidth(d)}, {@code read(d)}, {@code write(d)} and {@code internal(d)} of every device,
 * and {@code link(a->b)}.
 */
public final class Resources {
  /** A device with the numbers of its resources. */
  record Device(DeviceSpec spec, int compute, int bandwidth, int read, int write, int internal) {}

  /**
   * Work elsewhere that takes of a resource while it goes on.
   *
   * @param from the resource that works
   * @param kinds of work that count
   * @param part seconds taken for each of its seconds
   */
  record Leak(int from, Set<BusyTable.Kind> kinds, double part) {}

  /** A link with its number. */
  record Link(LinkSpec spec, int number) {}

  private final Problem problem;
  private final List<String> names;
  private final Map<String, Device> devices = new HashMap<>();
  private final Map<String, Map<String, Link>> links = new HashMap<>();
  private final Map<String, List<Integer>> owned = new HashMap<>();
  private final List<List<Leak>> leaks; // of every resource
  private final double beforeAttention;
  private double sweepBytes; // 0 before it is asked for; every thread finds the same

  public Resources(Problem problem) {
    this.problem = problem;
    this.beforeAttention = beforeAttention(problem.shape());
    var numbers = new TreeMap<String, Integer>();
    for (var device : problem.machine().devices()) {
      for (var word : List.of("compute", "bandwidth", "read", "write", "internal")) {
        numbers.put(name(word, device.name()), 0);
      }
    }
    problem.machine().links().forEach(link -> numbers.put(name(link), 0));
    names = List.copyOf(numbers.keySet());
    for (int i = 0; i < names.size(); i++) {
      numbers.put(names.get(i), i);
    }
    for (var device : problem.machine().devices()) {
      var numbered =
          new Device(
              device,
              numbers.get(name("compute", device.name())),
              numbers.get(name("bandwidth", device.name())),
              numbers.get(name("read", device.name())),
              numbers.get(name("write", device.name())),
              numbers.get(name("internal", device.name())));
      devices.put(device.name(), numbered);
      owned.put(
          device.name(),
          new ArrayList<>(
              List.of(
                  numbered.compute(),
                  numbered.bandwidth(),
                  numbered.read(),
                  numbered.write(),
                  numbered.internal())));
    }
    for (var link : problem.machine().links()) {
      int number = numbers.get(name(link));
      links
          .computeIfAbsent(link.from(), any -> new HashMap<>())
          .putIfAbsent(link.to(), new Link(link, number));
      owned.get(link.from()).add(number);
      owned.get(link.to()).add(number);
    }
    leaks = leaks();
  }

  /** Loads slow the host's compute down, and it slows them down. */
  private List<List<Leak>> leaks() {
    var all = new ArrayList<List<Leak>>();
    names.forEach(name -> all.add(new ArrayList<>()));
    int host = devices.get(problem.host().name()).compute();
    for (var device : devices.values()) {
      var rates = device.spec().rates();
      if (rates.containsKey(Rate.SLOWS_HOST)) {
        all.get(host)
            .add(
                new Leak(
                    device.read(),
                    EnumSet.of(BusyTable.Kind.LOADING),
                    device.spec().rate(Rate.SLOWS_HOST)));
      }
      if (rates.containsKey(Rate.SLOWED_BY_HOST)) {
        all.get(device.read())
            .add(
                new Leak(
                    host,
                    EnumSet.allOf(BusyTable.Kind.class),
                    device.spec().rate(Rate.SLOWED_BY_HOST)));
      }
    }
    all.forEach(some -> some.sort(Comparator.comparingInt(Leak::from)));
    return all.stream().map(List::copyOf).toList();
  }

  /** What takes of a resource while it works itself. */
  List<Leak> leaks(int resource) {
    return leaks.get(resource);
  }

  /** Bytes of the matrices that a sweep multiplies with, in the fewest bytes allowed. */
  double sweepBytes() {
    if (sweepBytes == 0) {
      sweepBytes = CostModel.leastBytes(problem, true);
    }
    return sweepBytes;
  }

  /** The part of a sweep's products that comes before attention: queries, keys and values. */
  double beforeAttention() {
    return beforeAttention;
  }

  private static double beforeAttention(ModelShape shape) {
    double before = 0;
    double all = 0;
    var head = Stops.head(shape);
    for (var weight : Weight.values()) {
      double numbers = (double) shape.rows(weight) * shape.columns(weight);
      if (weight.perLayer()) {
        boolean first = weight == Weight.Q || weight == Weight.K || weight == Weight.V;
        before += first ? numbers * shape.layers() : 0;
        all += numbers * shape.layers();
      } else if (head.contains(weight)) {
        all += numbers;
      }
    }
    return before / all;
  }

  public Problem problem() {
    return problem;
  }

  public int count() {
    return names.size();
  }

  /** Such as {@code compute(ram)}. */
  public String name(int resource) {
    return names.get(resource);
  }

  /** The number of a device's compute. */
  public int compute(String device) {
    return device(device).compute();
  }

  /** The number of a device's memory. */
  int bandwidth(String device) {
    return device(device).bandwidth();
  }

  /** The numbers of a device's own resources, its links among them. */
  public List<Integer> ownedBy(String device) {
    return List.copyOf(owned.get(device));
  }

  /** The device of that name, or an {@link IllegalArgumentException}. */
  Device device(String name) {
    var device = devices.get(name);
    if (device == null) {
      throw new IllegalArgumentException("no device named " + name);
    }
    return device;
  }

  /** The link between two devices, or null. */
  Link link(String from, String to) {
    return links.getOrDefault(from, Map.of()).get(to);
  }

  private static String name(String word, String device) {
    return word + "(" + device + ")";
  }

  private static String name(LinkSpec link) {
    return "link(" + link.from() + "->" + link.to() + ")";
  }
}
