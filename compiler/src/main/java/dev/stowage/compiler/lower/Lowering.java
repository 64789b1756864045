package dev.stowage.compiler.lower;

import static dev.stowage.plan.Stages.on;

import dev.stowage.plan.Buffer;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Op;
import dev.stowage.plan.Range;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.Section;
import dev.stowage.plan.Stages;
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
  private final Stages stages;
  private Stages.Stage stage; // whose steps are being made

  private Lowering(Placed placed) {
    this.placed = placed;
    stages = placed.stages();
    stage = stages.list().getFirst();
  }

  /** The plan of a placement. */
  public static ExecutablePlan lower(Placed placed) {
    return new Lowering(placed).lower();
  }

  /**
   * Zig-zag over micro-batches, or a pipeline of several stages; the placement's prefetch; and a
   * lane for every storage device that keeps KV cache, so that drives work beside the host.
   */
  public static Schedule schedule(Placed placed) {
    var lanes =
        placed.kv().stream()
            .map(KvRegion::attendAt)
            .filter(name -> placed.machine().device(name).kind() == DeviceKind.CSD)
            .distinct()
            .toList();
    var order =
        placed.stages().count() > 1 ? new Schedule.Order.Pipeline() : new Schedule.Order.ZigZag();
    return new Schedule(order, placed.prefetch(), lanes);
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
        .forEach((device, count) -> steps.add(new Step.Copy(on("waiting", device), own("hidden"))));
  }

  private void sendHidden(List<Step> steps) {
    waitingElsewhere()
        .forEach((device, count) -> steps.add(new Step.Copy(own("hidden"), on("waiting", device))));
  }

  private Map<String, Integer> waitingElsewhere() {
    var elsewhere = new LinkedHashMap<>(placed.waiting());
    stages.devices().forEach(elsewhere::remove);
    return elsewhere;
  }

  /**
   * Neighbouring layers that take the same steps share a section. Before every stage but the first,
   * a section brings it the hidden states.
   */
  private void addLayerSections() {
    for (int i = 0; i < stages.count(); i++) {
      var before = own("hidden");
      stage = stages.list().get(i);
      if (i > 0) {
        sections.add(
            new Section(
                "to." + Stages.plain(stage.device()),
                Range.upTo(0),
                List.of(new Step.Copy(before, own("hidden")))));
      }
      addLayerSections(stage.layers());
    }
  }

  private void addLayerSections(Range layers) {
    int from = layers.from();
    var steps = layerSteps(from);
    for (int layer = from + 1; layer <= layers.to(); layer++) {
      var next = layer < layers.to() ? layerSteps(layer) : null;
      if (!steps.equals(next)) {
        boolean all = from == 0 && layer == placed.shape().layers();
        String name = all ? "layers" : "layers." + from + "-" + (layer - 1);
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
        steps.add(new Step.Copy(own(operand), on(own(operand), host)));
      }
    }
    for (int i = 0; i < regions.size(); i++) {
      var region = regions.get(i);
      if (attendsForCompute(region.attendAt())) {
        var partial = on(own("partial." + i), region.attendAt());
        steps.add(new Step.Attend(region.name(), on(own("q"), region.attendAt()), partial));
        steps.add(new Step.Copy(partial, own("partial." + i)));
      } else {
        steps.add(new Step.Attend(region.name(), own("q"), own("partial." + i)));
      }
    }
    for (var region : regions) {
      boolean copied = attendsForCompute(region.attendAt());
      steps.add(
          new Step.Append(
              region.name(),
              copied ? on(own("k"), region.attendAt()) : own("k"),
              copied ? on(own("v"), region.attendAt()) : own("v")));
    }
    compute(steps, new Op.AttendPass(), List.of("q", "k", "v"), "attended");
    for (int i = 0; i < regions.size(); i++) {
      compute(steps, new Op.Merge(), List.of("attended", "partial." + i), "attended");
    }
    compute(steps, new Op.Finish(), List.of("attended"), "attended");
  }

  /**
   * Whether a device attends in its own memory for the stage's, which is another: a host for a gpu.
   */
  private boolean attendsForCompute(String device) {
    return !device.equals(stage.device())
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
      if (!region.home().equals(stage.device())) {
        steps.add(new Step.Load(weight, region.rows(), region.type(), region.home(), own(RING)));
      }
    }
  }

  private void multiply(List<Step> steps, int layer, Weight weight, String from, String to) {
    for (var region : weightsOf(layer, weight)) {
      compute(steps, new Op.MatMul(weight, region.rows()), List.of(from), to);
    }
  }

  private void compute(List<Step> steps, Op op, List<String> reads, String writes) {
    steps.add(
        new Step.Compute(op, stage.device(), reads.stream().map(this::own).toList(), own(writes)));
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
                new Buffer(
                    "weights." + Stages.plain(device), device, Buffer.Purpose.WEIGHTS, bytes, 1)));
    for (var each : stages.list()) {
      stage = each;
      buffers.add(
          new Buffer(
              own("vectors"),
              stage.device(),
              Buffer.Purpose.WEIGHTS,
              shape.vectorBytes(stage.layers().size()),
              1));
    }
    for (var region : placed.kv()) {
      buffers.add(
          new Buffer(
              region.name(),
              region.device(),
              Buffer.Purpose.KV,
              Footprint.kvBytes(placed.machine(), shape, placed.kvType(), placed.batch(), region),
              1));
    }
    for (var each : stages.list()) {
      stage = each;
      addActivations(buffers);
    }
    addStaging(buffers);
    for (var each : stages.list()) {
      stage = each;
      addRing(buffers, own(RING), stage.device(), device -> true);
      if (onGpu()) {
        addRing(
            buffers,
            on(own(RING), placed.hostMemory()),
            placed.hostMemory(),
            device -> placed.machine().device(device).kind() == DeviceKind.DISK);
      }
    }
    return buffers;
  }

  private boolean onGpu() {
    return placed.machine().device(stage.device()).kind() == DeviceKind.GPU;
  }

  private void addActivations(List<Buffer> buffers) {
    for (var buffer :
        Footprint.activations(
            placed.shape(),
            placed.batch(),
            stages,
            stage.device(),
            Footprint.regionsPerLayer(stage.layers(), placed.kv()),
            inFlight())) {
      if (buffer.name().equals(own("hidden")) && stages.count() == 1) {
        addHidden(buffers, buffer.bytes());
      } else {
        buffers.add(buffer);
      }
    }
  }

  private void addHidden(List<Buffer> buffers, long bytes) {
    int here = placed.waiting().getOrDefault(stage.device(), 0);
    int atWork = onGpu() ? inFlight() : 0; // a host works on them where they wait
    buffers.add(
        new Buffer("hidden", stage.device(), Buffer.Purpose.ACTIVATIONS, bytes, here + atWork));
    waitingElsewhere()
        .forEach(
            (device, count) ->
                buffers.add(
                    new Buffer(
                        on("waiting", device), device, Buffer.Purpose.ACTIVATIONS, bytes, count)));
  }

  private int inFlight() {
    return Footprint.inFlight(placed.machine(), stages, placed.batch(), placed.kv());
  }

  /** What stores and devices that attend need beside the cache itself. */
  private void addStaging(List<Buffer> buffers) {
    var shape = placed.shape();
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
    }
    for (var each : stages.list()) {
      stage = each;
      addTwins(buffers);
    }
  }

  /** What attention elsewhere reads and writes for a stage, where it is. */
  private void addTwins(List<Buffer> buffers) {
    var shape = placed.shape();
    long rows = placed.batch().rowsPerPass();
    var attending = new LinkedHashSet<String>();
    for (var region : placed.kv()) {
      if (stage.layers().overlaps(region.layers()) && attendsForCompute(region.attendAt())) {
        attending.add(region.attendAt());
      }
    }
    for (var device : attending) {
      long query = Footprint.align(4 * rows * shape.queryWidth());
      long key = Footprint.align(4 * rows * shape.kvWidth());
      addWorking(buffers, on(own("q"), device), device, query, inFlight());
      addWorking(buffers, on(own("k"), device), device, key, inFlight());
      addWorking(buffers, on(own("v"), device), device, key, inFlight());
      for (int number : Footprint.partials(stage.layers(), placed.kv(), device)) {
        addWorking(
            buffers,
            on(own("partial." + number), device),
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
                        .filter(load -> load.ring().equals(own(RING)) && from.test(load.from()))
                        .toList())
            .toList();
    long slot = Footprint.ringSlotBytes(placed.shape(), loads);
    if (slot > 0) {
      buffers.add(new Buffer(name, device, Buffer.Purpose.WORKING, slot, placed.prefetch() + 1));
    }
  }

  /** The name of the stage's own buffer. */
  private String own(String buffer) {
    return stages.own(buffer, stage.device());
  }
}
