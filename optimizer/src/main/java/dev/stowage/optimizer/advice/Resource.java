package dev.stowage.optimizer.advice;

import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.LinkSpec;
import dev.stowage.plan.Machine;
import dev.stowage.plan.Rate;
import dev.stowage.plan.RateCurve;
import dev.stowage.plan.RateValue;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;

/** Something of a machine that there can be more of. Members of an array grow together. */
public sealed interface Resource {
  /** In the words of the report, such as {@code memory of ram}. */
  String words();

  /** What there is of it now: usable bytes, or the rate; of one member, for an array. */
  double amount(Machine machine);

  /** {@code B}, {@code B/s} or {@code FLOP/s}. */
  String unit();

  /** The machine with {@code factor} times as much of it. */
  Machine times(Machine machine, double factor);

  /** Bytes that a plan may use on a device, or on each member of an array. */
  record Memory(String device) implements Resource {
    @Override
    public String words() {
      return "memory of " + device;
    }

    @Override
    public double amount(Machine machine) {
      return members(machine, device).getFirst().usableBytes();
    }

    @Override
    public String unit() {
      return "B";
    }

    @Override
    public Machine times(Machine machine, double factor) {
      return with(
          machine,
          device,
          d -> {
            long more = (long) (d.usableBytes() * (factor - 1));
            return new DeviceSpec(
                d.name(),
                d.kind(),
                Math.addExact(d.capacityBytes(), more),
                d.reserveBytes(),
                d.path(),
                d.emulated(),
                d.rates(),
                d.curves());
          });
    }
  }

  /** A rate of a device, or of each member of an array. */
  record DeviceRate(String device, Rate rate) implements Resource {
    /** Products of as many rows are prefill's, of fewer decode's. */
    private static final long MANY_ROWS = 64;

    @Override
    public String words() {
      return rate.word() + " of " + device;
    }

    @Override
    public double amount(Machine machine) {
      return members(machine, device).getFirst().rate(rate);
    }

    @Override
    public String unit() {
      return rate.unit();
    }

    @Override
    public Machine times(Machine machine, double factor) {
      return with(
          machine,
          device,
          d -> {
            var rates = new EnumMap<Rate, RateValue>(d.rates());
            rates.computeIfPresent(
                rate, (any, old) -> new RateValue(old.value() * factor, old.origin()));
            return new DeviceSpec(
                d.name(),
                d.kind(),
                d.capacityBytes(),
                d.reserveBytes(),
                d.path(),
                d.emulated(),
                rates,
                d.curves().stream().map(curve -> times(curve, factor)).toList());
          });
    }

    /** A curve measures at sizes what a rate says of all: better hardware lifts both. */
    private RateCurve times(RateCurve curve, double factor) {
      return switch (curve.measure()) {
        case MATMUL, MATMUL_CACHED, MATMUL_SMALL ->
            rate == Rate.PREFILL_COMPUTE
                ? curve.times(size -> size >= MANY_ROWS, factor)
                : rate == Rate.DECODE_COMPUTE
                    ? curve.times(size -> size < MANY_ROWS, factor)
                    : curve;
        case ATTEND_PROMPT ->
            rate == Rate.PREFILL_COMPUTE ? curve.times(size -> true, factor) : curve;
        case ATTEND, ATTEND_GROUPED ->
            rate == Rate.ATTENTION ? curve.times(size -> true, factor) : curve;
        case READ -> rate == Rate.READ ? curve.times(size -> true, factor) : curve;
        case SWEEP, READ_CACHED, WRITE_CACHED -> curve; // of memory
        case WRITE -> rate == Rate.WRITE ? curve.times(size -> true, factor) : curve;
      };
    }
  }

  /** The rate of a one-way link. */
  record Link(String from, String to) implements Resource {
    @Override
    public String words() {
      return "link " + from + " -> " + to;
    }

    @Override
    public double amount(Machine machine) {
      return machine.link(from, to).orElseThrow().bytesPerSecond();
    }

    @Override
    public String unit() {
      return "B/s";
    }

    @Override
    public Machine times(Machine machine, double factor) {
      var links =
          machine.links().stream()
              .map(
                  l ->
                      l.from().equals(from) && l.to().equals(to)
                          ? new LinkSpec(
                              from, to, l.bytesPerSecond() * factor, l.latencySeconds(), l.origin())
                          : l)
              .toList();
      return new Machine(machine.devices(), links);
    }
  }

  /** Every memory, rate and link of a machine, in its order; latencies are not among them. */
  static List<Resource> of(Machine machine) {
    var resources = new ArrayList<Resource>();
    var seen = new LinkedHashSet<String>();
    for (var device : machine.devices()) {
      String name = array(device.name());
      if (seen.add(name)) {
        resources.add(new Memory(name));
        for (var rate : device.rates().keySet()) {
          if (!rate.latency()) {
            resources.add(new DeviceRate(name, rate));
          }
        }
      }
    }
    machine.links().forEach(link -> resources.add(new Link(link.from(), link.to())));
    return List.copyOf(resources);
  }

  /** The name of the array that a device is a member of, or its own. */
  static String array(String device) {
    int index = device.indexOf('[');
    return index < 0 ? device : device.substring(0, index);
  }

  private static List<DeviceSpec> members(Machine machine, String name) {
    return machine.devices().stream().filter(d -> array(d.name()).equals(name)).toList();
  }

  private static Machine with(
      Machine machine, String name, java.util.function.UnaryOperator<DeviceSpec> change) {
    var devices =
        machine.devices().stream()
            .map(d -> array(d.name()).equals(name) ? change.apply(d) : d)
            .toList();
    return new Machine(devices, machine.links());
  }
}
