package dev.stowage.optimizer.formulate;

import dev.stowage.optimizer.Problem;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Range;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Where bytes may lie and where they are then used. */
public final class Routes {
  private Routes() {}

  /** Where KV lies, and where decode attention over it is computed. */
  public record Kv(String home, String attendAt) {
    /** Such as {@code kv.ram}, or {@code kv.ram.t4} where another device attends. */
    public String name() {
      String at = home.equals(attendAt) ? "" : "." + identifier(attendAt);
      return "kv." + identifier(home) + at;
    }

    /** The whole cache on this route. */
    public KvRegion whole(Problem problem, BatchShape batch) {
      return new KvRegion(
          name(),
          Range.upTo(problem.shape().layers()),
          Range.upTo(batch.sequences()),
          Range.upTo(problem.shape().kvHeads()),
          Range.upTo(batch.tokens()),
          home,
          attendAt,
          Optional.empty());
    }

    private static String identifier(String device) {
      return device.replace('[', '.').replace("]", "");
    }
  }

  /**
   * Homes of weights: the compute device; with a gpu, the host too; every disk. In the machine's
   * order.
   */
  public static List<String> weights(Problem problem) {
    return homes(problem, device -> device.kind() == DeviceKind.DISK);
  }

  /**
   *
   *
   * <pre>
   * home     attended at
   * compute  itself
   * host     itself; the gpu, where that computes
   * disk     host; the gpu, where that computes
   * csd      itself, in the drive
   * </pre>
   */
  public static List<Kv> kv(Problem problem) {
    var routes = new ArrayList<Kv>();
    String host = problem.host().name();
    for (var device : problem.machine().devices()) {
      String home = device.name();
      boolean computes = home.equals(problem.compute());
      if (device.kind() == DeviceKind.CSD || computes || home.equals(host)) {
        routes.add(new Kv(home, home));
      }
      if (device.kind() == DeviceKind.DISK) {
        routes.add(new Kv(home, host));
      }
      if (problem.computesOnGpu() && (device.kind() == DeviceKind.DISK || home.equals(host))) {
        routes.add(new Kv(home, problem.compute()));
      }
    }
    return List.copyOf(routes);
  }

  /** Where activations may wait: the compute device, and with a gpu the host. */
  public static List<String> waiting(Problem problem) {
    return homes(problem, device -> false);
  }

  private static List<String> homes(
      Problem problem, java.util.function.Predicate<DeviceSpec> others) {
    return problem.machine().devices().stream()
        .filter(
            device ->
                device.name().equals(problem.compute())
                    || device.name().equals(problem.host().name())
                    || others.test(device))
        .map(DeviceSpec::name)
        .toList();
  }
}
