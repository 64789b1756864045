package dev.stowage.optimizer.cost;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.Rate;
import dev.stowage.plan.RateCurve;
import dev.stowage.plan.RateCurve.Measure;
import java.util.List;

/**
 * What a sweep's loads of weights take at least, wherever they lie: what does not fit on the
 * compute device comes from the host or from disks, and what does not fit there either from disks.
 *
 * <pre>
 * max( (bytes − usable(compute)) / ( rate(host) + Σ_disks rate ),
 *      (bytes − usable(compute) − usable(host)) / Σ_disks rate )
 * </pre>
 *
 * A home's rate is that of the slowest thing on its way. Of several stages nothing is said.
 */
final class LeastLoads {
  private LeastLoads() {}

  /**
   * The seconds of one sweep's loads.
   *
   * @param bytes of the matrices that products of each stage read, in the fewest bytes allowed
   */
  static double seconds(Resources resources, List<Double> bytes) {
    var problem = resources.problem();
    if (bytes.size() > 1) {
      return 0;
    }
    String compute = problem.stages().first();
    String host = problem.host().name();
    double fromDisks = 0;
    for (var device : problem.machine().devices()) {
      fromDisks += device.kind() == DeviceKind.DISK ? rate(resources, device, compute) : 0;
    }
    double outside = bytes.getFirst() - problem.machine().device(compute).usableBytes();
    if (compute.equals(host)) {
      return over(outside, fromDisks);
    }
    var ram = problem.machine().device(host);
    return Math.max(
        over(outside, rate(resources, ram, compute) + fromDisks),
        over(outside - ram.usableBytes(), fromDisks));
  }

  private static double over(double bytes, double rate) {
    return bytes > 0 && rate > 0 ? bytes / rate : 0;
  }

  /** Bytes a second from a home to where they are multiplied with, at most. */
  private static double rate(Resources resources, DeviceSpec home, String compute) {
    String host = resources.problem().host().name();
    double rate = Double.POSITIVE_INFINITY;
    String from = home.name();
    if (home.kind() == DeviceKind.DISK) {
      rate = home.curve(Measure.READ).map(RateCurve::highest).orElseGet(() -> home.rate(Rate.READ));
      from = resources.link(from, compute) == null ? host : from;
    }
    return from.equals(compute)
        ? rate
        : Math.min(rate, resources.link(from, compute).spec().bytesPerSecond());
  }
}
