package dev.stowage.compiler.lower;

import dev.stowage.plan.Buffer;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Op;
import dev.stowage.plan.Range;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.Section;
import dev.stowage.plan.Step;
import dev.stowage.plan.Weight;
import dev.stowage.plan.WeightRegion;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * From a placement to an executable plan, and to the schedule a plan gets unless its author says
 * otherwise.
 */
public final class Lowering {
  private static final String RING = "ring";

  private final Placed placed;
  private final List<Section> sections = new ArrayList<>();

  private Lowering(Placed placed) {
    this.placed = placed;
  }

  /** The plan of a placement. */
  public static ExecutablePlan lower(Placed placed) {
    return new Lowering(placed).lower();
  }

  /**
   * Zig-zag over micro-batches, the placement's prefetch, and a lane for every storage device that
   * keeps KV cache, so that drives work beside the host.
   */
  public static Schedule schedule(Placed placed) {
    var lanes =
        placed.kv().stream()
            .map(KvRegion::attendAt)
            .filter(name -> placed.machine().device(name).kind() == DeviceKind.CSD)
            .distinct()
            .toList();
    return new Schedule(new Schedule.Order.ZigZag(), placed.prefetch(), lanes);
  }

  private ExecutablePlan lower() {
    sections.add(new Section("embed", Range.upTo(0), embedSteps()));
    addLayerSections();
    sections.add(new Section("head", Range.upTo(0), headSteps()));
    return new ExecutablePlan(
        placed.name(),
        placed.source(),
        placed.shape(),
        placed.machine(),
        placed.batch(),
        placed.kvType(),
        placed.weights(),
        placed.kv(),
        buffers(),
        sections,
        placed.shares(),
        placed.predicted());
  }

  // -- steps

  private List<Step> embedSteps() {
    var shape = placed.shape();
    var steps = new ArrayList<Step>();
    if (shape.projects()) {
      load(steps, 0, Weight.PROJECT_IN);
      compute(steps, new Op.Embed(), List.of(), "embedded");
      multiply(steps, 0, Weight.PROJECT_IN, "embedded", "hidden");
    } else {
      compute(steps, new Op.Embed(), List.of(), "hidden");
    }
    if (shape.family().isOpt()) {
      compute(steps, new Op.AddPositions(), List.of("hidden"), "hidden");
    }
    sendHidden(steps);
    return steps;
  }

  /**
   * Hidden states that wait on another device come before a stop's first use, and go after its
   * last.
   */
  private void fetchHidden(List<Step> steps) {
    waitingElsewhere()
        .forEach((device, count) -> steps.add(new Step.Copy(on("waiting", device), "hidden")));
  }

  private void sendHidden(List<Step> steps) {
    waitingElsewhere()
        .forEach((device, count) -> steps.add(new Step.Copy("hidden", on("waiting", device))));
  }

  private Map<String, Integer> waitingElsewhere() {
    var elsewhere = new LinkedHashMap<>(placed.waiting());
    elsewhere.remove(placed.computeAt());
    return elsewhere;
  }

  /** Neighbouring layers that take the same steps share a section. */
  private void addLayerSections() {
    int layers = placed.shape().layers();
    int from = 0;
    var steps = layerSteps(0);
    for (int layer = 1; layer <= layers; layer++) {
      var next = layer < layers ? layerSteps(layer) : null;
      if (!steps.equals(next)) {
        String name =
            from == 0 && layer == layers ? "layers" : "layers." + from + "-" + (layer - 1);
        sections.add(new Section(name, new Range(from, layer), steps));
        from = layer;
        steps = next;
      }
    }
  }

  private List<Step> layerSteps(int layer) {
    var shape = placed.shape();
    var steps = new ArrayList<Step>();
    for (var weight : Weight.values()) {
      if (weight.perLayer()) {
        load(steps, layer, weight);
      }
    }
    fetchHidden(steps);
    compute(steps, new Op.Normalize(Op.Norm.ATTENTION), List.of("hidden"), "normed");
    multiply(steps, layer, Weight.Q, "normed", "q");
    multiply(steps, layer, Weight.K, "normed", "k");
    multiply(steps, layer, Weight.V, "normed", "v");
    if (shape.headNorm()) {
      compute(steps, new Op.NormalizeHeads(Weight.Q), List.of("q"), "q");
      compute(steps, new Op.NormalizeHeads(Weight.K), List.of("k"), "k");
    }
    if (!shape.family().isOpt()) {
      compute(steps, new Op.Rotate(Weight.Q), List.of("q"), "q");
      compute(steps, new Op.Rotate(Weight.K), List.of("k"), "k");
    }
    attend(steps, layer);
    multiply(steps, layer, Weight.O, "attended", "delta");
    compute(steps, new Op.Add(), List.of("hidden", "delta"), "hidden");
    compute(steps, new Op.Normalize(Op.Norm.MLP), List.of("hidden"), "normed");
    if (shape.family().isOpt()) {
      multiply(steps, layer, Weight.UP, "normed", "up");
      compute(steps, new Op.Activate(), List.of("up"), "up");
      multiply(steps, layer, Weight.DOWN, "up", "delta");
    } else {
      multiply(steps, layer, Weight.GATE, "normed", "gate");
      multiply(steps, layer, Weight.UP, "normed", "up");
      compute(steps, new Op.Activate(), List.of("gate", "up"), "gate");
      multiply(steps, layer, Weight.DOWN, "gate", "delta");
    }
    compute(steps, new Op.Add(), List.of("hidden", "delta"), "hidden");
    sendHidden(steps);
    return steps;
  }

  /**
   * Stored keys first, so that drives attend while the host attends among the pass's own tokens.
   */
  private void attend(List<Step> steps, int layer) {
    var regions = kvOf(layer);
    var hosts =
        regions.stream()
            .map(KvRegion::attendAt)
            .filter(this::attendsForCompute)
            .distinct()
            .toList();
    for (var host : hosts) {
      for (var operand : List.of("q", "k", "v")) {
        steps.add(new Step.Copy(operand, on(operand, host)));
      }
    }
    for (int i = 0; i < regions.size(); i++) {
      var region = regions.get(i);
      if (attendsForCompute(region.attendAt())) {
        var partial = on("partial." + i, region.attendAt());
        steps.add(new Step.Attend(region.name(), on("q", region.attendAt()), partial));
        steps.add(new Step.Copy(partial, "partial." + i));
      } else {
        steps.add(new Step.Attend(region.name(), "q", "partial." + i));
      }
    }
    for (var region : regions) {
      boolean copied = attendsForCompute(region.attendAt());
      steps.add(
          new Step.Append(
              region.name(),
              copied ? on("k", region.attendAt()) : "k",
              copied ? on("v", region.attendAt()) : "v"));
    }
    compute(steps, new Op.AttendPass(), List.of("q", "k", "v"), "attended");
    for (int i = 0; i < regions.size(); i++) {
      compute(steps, new Op.Merge(), List.of("attended", "partial." + i), "attended");
    }
    compute(steps, new Op.Finish(), List.of("attended"), "attended");
  }

  /**
   * Whether a device attends in its own memory for a compute device that is another: a host for a
   * gpu.
   */
  private boolean attendsForCompute(String device) {
    return !device.equals(placed.computeAt())
        && placed.machine().device(device).kind() != DeviceKind.CSD;
  }

  private List<Step> headSteps() {
    var shape = placed.shape();
    var steps = new ArrayList<Step>();
    var head = shape.tiedHead() ? Weight.TOKENS : Weight.HEAD;
    if (shape.projects()) {
      load(steps, 0, Weight.PROJECT_OUT);
    }
    load(steps, 0, head);
    fetchHidden(steps);
    compute(steps, new Op.Pick(), List.of("hidden"), "last");
    compute(steps, new Op.Normalize(Op.Norm.FINAL), List.of("last"), "last");
    if (shape.projects()) {
      multiply(steps, 0, Weight.PROJECT_OUT, "last", "unprojected");
      multiply(steps, 0, head, "unprojected", "logits");
    } else {
      multiply(steps, 0, head, "last", "logits");
    }
    return steps;
  }

  private void load(List<Step> steps, int layer, Weight weight) {
    for (var region : weightsOf(layer, weight)) {
      if (!region.home().equals(placed.computeAt())) {
        steps.add(new Step.Load(weight, region.rows(), region.type(), region.home(), RING));
      }
    }
  }

  private void multiply(List<Step> steps, int layer, Weight weight, String from, String to) {
    for (var region : weightsOf(layer, weight)) {
      compute(steps, new Op.MatMul(weight, region.rows()), List.of(from), to);
    }
  }

  private void compute(List<Step> steps, Op op, List<String> reads, String writes) {
    steps.add(new Step.Compute(op, placed.computeAt(), reads, writes));
  }

  private List<WeightRegion> weightsOf(int layer, Weight weight) {
    return placed.weights().stream()
        .filter(region -> region.weight() == weight && region.layers().contains(layer))
        .sorted((a, b) -> Integer.compare(a.rows().from(), b.rows().from()))
        .toList();
  }

  private List<KvRegion> kvOf(int layer) {
    return placed.kv().stream().filter(region -> region.layers().contains(layer)).toList();
  }

  // -- buffers

  private List<Buffer> buffers() {
    var shape = placed.shape();
    var buffers = new ArrayList<Buffer>();
    var resident = new LinkedHashMap<String, Long>();
    for (var region : placed.weights()) {
      resident.merge(region.home(), Footprint.residentBytes(shape, region), Math::addExact);
    }
    resident.forEach(
        (device, bytes) ->
            buffers.add(
                new Buffer("weights." + plain(device), device, Buffer.Purpose.WEIGHTS, bytes, 1)));
    buffers.add(
        new Buffer("vectors", placed.computeAt(), Buffer.Purpose.WEIGHTS, shape.vectorBytes(), 1));
    for (var region : placed.kv()) {
      buffers.add(
          new Buffer(
              region.name(),
              region.device(),
              Buffer.Purpose.KV,
              region.bytes(shape.headDim(), placed.kvType()),
              1));
    }
    int regionsPerLayer = 0;
    for (int layer = 0; layer < shape.layers(); layer++) {
      regionsPerLayer = Math.max(regionsPerLayer, kvOf(layer).size());
    }
    for (var buffer :
        Footprint.activations(
            shape, placed.batch(), placed.computeAt(), regionsPerLayer, inFlight())) {
      if (buffer.name().equals("hidden")) {
        addHidden(buffers, buffer.bytes());
      } else {
        buffers.add(buffer);
      }
    }
    addStaging(buffers);
    addRing(buffers, RING, placed.computeAt(), device -> true);
    if (placed.machine().device(placed.computeAt()).kind() == DeviceKind.GPU) {
      addRing(
          buffers,
          on(RING, placed.hostMemory()),
          placed.hostMemory(),
          device -> placed.machine().device(device).kind() == DeviceKind.DISK);
    }
    return buffers;
  }

  private void addHidden(List<Buffer> buffers, long bytes) {
    int here = placed.waiting().getOrDefault(placed.computeAt(), 0);
    boolean gpu = placed.machine().device(placed.computeAt()).kind() == DeviceKind.GPU;
    int atWork = gpu ? inFlight() : 0; // a host works on them where they wait
    buffers.add(
        new Buffer("hidden", placed.computeAt(), Buffer.Purpose.ACTIVATIONS, bytes, here + atWork));
    waitingElsewhere()
        .forEach(
            (device, count) ->
                buffers.add(
                    new Buffer(
                        on("waiting", device), device, Buffer.Purpose.ACTIVATIONS, bytes, count)));
  }

  private int inFlight() {
    return Footprint.inFlight(placed.machine(), placed.computeAt(), placed.batch(), placed.kv());
  }

  /** What stores and devices that attend need beside the cache itself. */
  private void addStaging(List<Buffer> buffers) {
    var shape = placed.shape();
    long rows = placed.batch().rowsPerPass();
    var attending = new LinkedHashSet<String>();
    for (var region : placed.kv()) {
      var home = placed.machine().device(region.device()).kind();
      addWorking(
          buffers,
          "staging." + region.name(),
          placed.hostMemory(),
          Footprint.stagingBytes(shape, placed.kvType(), home, region),
          1);
      if (placed.machine().device(region.attendAt()).kind() == DeviceKind.GPU
          && !region.device().equals(region.attendAt())) {
        addWorking(
            buffers,
            on("staging." + region.name(), region.attendAt()),
            region.attendAt(),
            Footprint.sequenceBytes(shape, placed.kvType(), region),
            1);
      }
      if (attendsForCompute(region.attendAt())) {
        attending.add(region.attendAt());
      }
    }
    for (var device : attending) {
      long query = Footprint.align(4 * rows * shape.queryWidth());
      long key = Footprint.align(4 * rows * shape.kvWidth());
      addWorking(buffers, on("q", device), device, query, inFlight());
      addWorking(buffers, on("k", device), device, key, inFlight());
      addWorking(buffers, on("v", device), device, key, inFlight());
      for (int number : Footprint.partials(shape, placed.kv(), device)) {
        addWorking(
            buffers,
            on("partial." + number, device),
            device,
            Footprint.partialBytes(shape, rows),
            inFlight());
      }
    }
  }

  private static void addWorking(
      List<Buffer> buffers, String name, String device, long bytes, int instances) {
    if (bytes > 0) {
      buffers.add(new Buffer(name, device, Buffer.Purpose.WORKING, bytes, instances));
    }
  }

  /** A ring with room, in each slot, for the largest stop's loads from the devices that count. */
  private void addRing(List<Buffer> buffers, String name, String device, Predicate<String> from) {
    var loads =
        sections.stream()
            .map(
                section ->
                    section.steps().stream()
                        .filter(Step.Load.class::isInstance)
                        .map(Step.Load.class::cast)
                        .filter(load -> from.test(load.from()))
                        .toList())
            .toList();
    long slot = Footprint.ringSlotBytes(placed.shape(), loads);
    if (slot > 0) {
      buffers.add(new Buffer(name, device, Buffer.Purpose.WORKING, slot, placed.prefetch() + 1));
    }
  }

  /** The name of a buffer's twin on another device. */
  private static String on(String buffer, String device) {
    return buffer + "." + plain(device);
  }

  /** A device's name as part of a buffer's: members of an array lose their brackets. */
  private static String plain(String device) {
    return device.replace("[", ".").replace("]", "");
  }
}
