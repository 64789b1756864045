package dev.stowage.optimizer;

import dev.stowage.plan.Buffer;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Machine;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.Stages;
import dev.stowage.plan.Weight;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * Everything the optimizer needs to know, with names bound and units normalised.
 *
 * @param machine completed by {@link DefaultRates}: every device has the rates the cost model asks
 *     for
 * @param kvType how keys and values are stored where no {@link Bounds.Format} says otherwise
 * @param stages the devices of all matrix products, of attention among the tokens of a pass, and of
 *     the vectors: the gpu or host that takes part in {@code attention prefill on}, or else {@link
 *     #defaultCompute}; several gpus, each with its layers
 * @param computing devices over which layers may also be cut otherwise; empty where the stages are
 *     decided
 * @param order the walk of a sweep: {@link Schedule.Order.ZigZag}, {@link Schedule.Order.RowByRow}
 *     or {@link Schedule.Order.Pipeline}
 * @param prefetch allowed numbers of stops whose weights are loaded ahead; 0 means that loads and
 *     compute take turns
 * @param bounds on matrices that the model has
 * @param pageable what a gpu copies from host memory that is not page-locked
 */
public record Problem(
    Machine machine,
    ModelShape shape,
    ElementType kvType,
    Workload workload,
    Stages stages,
    List<String> computing,
    Schedule.Order order,
    Choices prefetch,
    Bounds bounds,
    Objective objective,
    Set<Buffer.Purpose> pageable) {
  public Problem {
    machine = DefaultRates.complete(machine);
    Objects.requireNonNull(shape);
    Objects.requireNonNull(kvType);
    Objects.requireNonNull(workload);
    Objects.requireNonNull(prefetch);
    Objects.requireNonNull(bounds);
    Objects.requireNonNull(objective);
    computing = List.copyOf(computing);
    pageable = Set.copyOf(pageable);
    for (var compute : stages.devices()) {
      var kind = machine.device(compute).kind();
      if (kind != DeviceKind.HOST && kind != DeviceKind.GPU) {
        throw new IllegalArgumentException(compute + " cannot compute: it is a " + kind.word());
      }
      if (kind != DeviceKind.GPU && stages.count() > 1) {
        throw new IllegalArgumentException("layers on a host and on others: " + stages);
      }
    }
    if (stages.list().getLast().layers().to() != shape.layers()) {
      throw new IllegalArgumentException("stages of another model: " + stages);
    }
    if (order instanceof Schedule.Order.Word) {
      throw new IllegalArgumentException("the cost of a walk of one's own is not modelled");
    }
    var present = EnumSet.noneOf(Weight.class);
    for (var weight : Weight.values()) {
      if (shape.rows(weight) > 0) {
        present.add(weight);
      }
    }
    bounds
        .things()
        .forEach(
            thing -> {
              if (thing instanceof Thing.Weights weights
                  && Collections.disjoint(weights.matrices(), present)) {
                throw new IllegalArgumentException(
                    "a bound on %s, which the model has not".formatted(weights.matrices()));
              }
            });
    if (machine.devices().stream().noneMatch(d -> d.kind() == DeviceKind.HOST)) {
      throw new IllegalArgumentException("a machine without a host");
    }
  }

  /** A problem on a machine's default compute device, zig-zag, one stop ahead where it pays. */
  public static Problem of(
      Machine machine,
      ModelShape shape,
      ElementType kvType,
      Workload workload,
      Bounds bounds,
      Objective objective) {
    return new Problem(
        machine,
        shape,
        kvType,
        workload,
        Stages.on(defaultCompute(machine), shape.layers()),
        List.of(),
        new Schedule.Order.ZigZag(),
        Choices.range(0, 1),
        bounds,
        objective,
        Set.of());
  }

  /** The same problem with the KV cache stored as one type, and nothing to choose about it. */
  Problem withKvType(ElementType type) {
    var formats = bounds.formats().stream().filter(f -> !(f.thing() instanceof Thing.Kv)).toList();
    return new Problem(
        machine,
        shape,
        type,
        workload,
        stages,
        computing,
        order,
        prefetch,
        new Bounds(
            bounds.only(),
            bounds.shares(),
            bounds.preferences(),
            bounds.levels(),
            bounds.kvAxis(),
            bounds.attention(),
            formats,
            bounds.sparse(),
            bounds.quality(),
            bounds.cuts()),
        objective,
        pageable);
  }

  /** The same problem with the layers cut so, and no otherwise. */
  public Problem withStages(Stages cut) {
    return new Problem(
        machine, shape, kvType, workload, cut, List.of(), order, prefetch, bounds, objective,
        pageable);
  }

  /** The types the KV cache may be stored as. */
  List<ElementType> kvTypes() {
    return bounds.formatsOfKv().orElse(List.of(kvType));
  }

  /** The types a matrix of a layer may be stored as. */
  public List<ElementType> types(Weight weight, int layer) {
    return bounds.formatsOf(weight, layer).orElse(List.of(shape.type(weight, layer)));
  }

  /** All gpus, or else the first host. */
  public static List<String> defaultComputing(Machine machine) {
    var gpus =
        machine.devices().stream()
            .filter(device -> device.kind() == DeviceKind.GPU)
            .map(DeviceSpec::name)
            .toList();
    return gpus.isEmpty() ? List.of(defaultCompute(machine)) : gpus;
  }

  /** The first gpu, or else the first host. */
  public static String defaultCompute(Machine machine) {
    return first(machine, DeviceKind.GPU)
        .or(() -> first(machine, DeviceKind.HOST))
        .map(DeviceSpec::name)
        .orElseThrow(() -> new IllegalArgumentException("a machine without a host"));
  }

  /** The host that disks read into and that a gpu's transfers pass through: the first one. */
  public DeviceSpec host() {
    return first(machine, DeviceKind.HOST).orElseThrow();
  }

  /** Whether matrix products run on a gpu. */
  public boolean computesOnGpu() {
    return machine.device(stages.first()).kind() == DeviceKind.GPU;
  }

  private static Optional<DeviceSpec> first(Machine machine, DeviceKind kind) {
    return machine.devices().stream().filter(device -> device.kind() == kind).findFirst();
  }
}
