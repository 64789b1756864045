package dev.stowage.optimizer.formulate;

import dev.stowage.optimizer.Problem;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Range;
import dev.stowage.plan.Sparsity;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Where bytes may lie and where they are then used. */
public final class Routes {
  private Routes() {}

  /** Where rows of weights lie, and how they are stored there. */
  public record Weights(String home, ElementType type) {}

  /** Where KV lies, where attention over it is computed, and how much of it that reads. */
  public record Kv(String home, String attendAt, Optional<Sparsity> sparsity) {
    /** A route whose attention reads all. */
    public Kv(String home, String attendAt) {
      this(home, attendAt, Optional.empty());
    }

    /**
     * Such as {@code kv.ram}, {@code kv.ram.t4} where another device attends, {@code
     * kv.ram.16-0.0625} where attention reads a part: channels that choose, and share of the
     * tokens.
     */
    public String name() {
      String at = home.equals(attendAt) ? "" : "." + identifier(attendAt);
      String part =
          sparsity.map(s -> ".%d-%s".formatted(s.channels(), number(s.tokenShare()))).orElse("");
      return "kv." + identifier(home) + at + part;
    }

    private static String number(double share) {
      return new java.math.BigDecimal(share)
          .round(new java.math.MathContext(6))
          .stripTrailingZeros()
          .toPlainString();
    }

    /** The whole cache on this route. */
    public KvRegion whole(Problem problem, BatchShape batch) {
      return region(
          problem, batch, Range.upTo(problem.shape().layers()), Range.upTo(batch.tokens()));
    }

    /** Some tokens of all sequences in some layers on this route. */
    KvRegion region(Problem problem, BatchShape batch, Range layers, Range tokens) {
      return new KvRegion(
          name(),
          layers,
          Range.upTo(batch.sequences()),
          Range.upTo(problem.shape().kvHeads()),
          tokens,
          home,
          attendAt,
          sparsity);
    }

    private static String identifier(String device) {
      return device.replace('[', '.').replace("]", "");
    }
  }

  /**
   * Routes that differ in nothing but which of several like drives they use. Each takes as much as
   * the others, and is decided with them.
   */
  public record Alike(List<Kv> routes) {
    public Alike {
      routes = List.copyOf(routes);
    }

    /** One that stands for all. */
    public Kv first() {
      return routes.getFirst();
    }

    public int count() {
      return routes.size();
    }
  }

  /**
   * Homes of weights: the devices that compute; with a gpu, the host too; every disk. In the
   * machine's order.
   */
  public static List<String> weights(Problem problem) {
    return homes(problem, device -> device.kind() == DeviceKind.DISK);
  }

  /**
   * Whether a stage uses what lies there: its own device's memory, and what belongs to no other
   * stage.
   */
  static boolean isFor(Problem problem, int stage, String device) {
    var stages = problem.stages();
    return !stages.compute(device) || stages.devices().get(stage).equals(device);
  }

  /**
   * Of all stages:
   *
   * <pre>
   * home     attended at
   * compute  itself
   * host     itself; a gpu, where that computes
   * disk     host; a gpu, where that computes
   * csd      itself, in the drive
   * </pre>
   *
   * Where a device attends in its own memory, attention may read a part, if the author allows it;
   * what is brought is read whole.
   */
  public static List<Kv> kv(Problem problem) {
    var routes = new ArrayList<Kv>();
    String host = problem.host().name();
    for (var device : problem.machine().devices()) {
      String home = device.name();
      boolean computes = problem.stages().compute(home);
      if (device.kind() == DeviceKind.CSD || home.equals(host) || computes) {
        for (var sparsity : problem.bounds().sparsitiesOn(home)) {
          routes.add(new Kv(home, home, sparsity));
        }
      }
      if (device.kind() == DeviceKind.DISK) {
        routes.add(new Kv(home, host));
      }
      if (problem.computesOnGpu() && (device.kind() == DeviceKind.DISK || home.equals(host))) {
        problem.stages().devices().forEach(gpu -> routes.add(new Kv(home, gpu)));
      }
    }
    return List.copyOf(routes);
  }

  /**
   * Where activations may wait: the compute device, and with a gpu the host. With several gpus they
   * wait on each of them, which the first stands for.
   */
  public static List<String> waiting(Problem problem) {
    return problem.stages().count() > 1
        ? List.of(problem.stages().first())
        : homes(problem, device -> false);
  }

  private static List<String> homes(
      Problem problem, java.util.function.Predicate<DeviceSpec> others) {
    return problem.machine().devices().stream()
        .filter(
            device ->
                problem.stages().compute(device.name())
                    || device.name().equals(problem.host().name())
                    || others.test(device))
        .map(DeviceSpec::name)
        .toList();
  }
}
