package dev.stowage.plan;

import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One device of a machine.
 *
 * @param name unique in its machine: letters, digits, {@code _}, {@code -} and, for a member of an
 *     array, {@code [index]}
 * @param capacityBytes all memory the plan may know of
 * @param reserveBytes what of it stays untouched; less than the capacity
 * @param path the folder a disk or an emulated CSD keeps its files in, as written in the plan's
 *     source
 * @param emulated whether a CSD is played by software; every number it yields is then labelled so
 * @param rates what it can do; the cost model asks for those it needs
 * @param curves what it can do, by size, where that was measured; at most one of a measure and type
 */
public record DeviceSpec(
    String name,
    DeviceKind kind,
    long capacityBytes,
    long reserveBytes,
    Optional<String> path,
    boolean emulated,
    Map<Rate, RateValue> rates,
    List<RateCurve> curves) {
  private static final Comparator<RateCurve> ORDER =
      Comparator.comparing(RateCurve::measure)
          .thenComparing(curve -> curve.type().map(Enum::ordinal).orElse(-1));

  public DeviceSpec {
    if (!name.matches("[A-Za-z_][A-Za-z0-9_-]*(\\[[0-9]+\\])?")) {
      throw new IllegalArgumentException("not a device name: '" + name + "'");
    }
    if (capacityBytes < 0 || reserveBytes < 0 || reserveBytes > capacityBytes) {
      throw new IllegalArgumentException(
          "device %s: a reserve of %d bytes of %d".formatted(name, reserveBytes, capacityBytes));
    }
    var copy = new EnumMap<Rate, RateValue>(Rate.class);
    copy.putAll(rates);
    rates = Collections.unmodifiableMap(copy);
    curves = curves.stream().sorted(ORDER).toList();
    for (int i = 1; i < curves.size(); i++) {
      if (ORDER.compare(curves.get(i - 1), curves.get(i)) == 0) {
        throw new IllegalArgumentException(
            "device %s has two curves of %s".formatted(name, curves.get(i).measure().word()));
      }
    }
  }

  /** A device of which no curve is known. */
  public DeviceSpec(
      String name,
      DeviceKind kind,
      long capacityBytes,
      long reserveBytes,
      Optional<String> path,
      boolean emulated,
      Map<Rate, RateValue> rates) {
    this(name, kind, capacityBytes, reserveBytes, path, emulated, rates, List.of());
  }

  /** The curve of a measure that knows no types. */
  public Optional<RateCurve> curve(RateCurve.Measure measure) {
    return curves.stream().filter(curve -> curve.measure() == measure).findFirst();
  }

  /** The curve of a measure for numbers of a type. */
  public Optional<RateCurve> curve(RateCurve.Measure measure, ElementType type) {
    return curves.stream()
        .filter(curve -> curve.measure() == measure && curve.type().orElseThrow() == type)
        .findFirst();
  }

  /** Bytes that a plan may use. */
  public long usableBytes() {
    return capacityBytes - reserveBytes;
  }

  /**
   * The rate, or an {@link IllegalArgumentException} that names device and rate: resolve fills in
   * every default.
   */
  public double rate(Rate rate) {
    var value = rates.get(rate);
    if (value == null) {
      throw new IllegalArgumentException("device %s has no %s".formatted(name, rate.word()));
    }
    return value.value();
  }
}
