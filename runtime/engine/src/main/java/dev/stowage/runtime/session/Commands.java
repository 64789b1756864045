package dev.stowage.runtime.session;

import dev.stowage.plan.Buffer;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Op;
import dev.stowage.plan.Section;
import dev.stowage.plan.Step;
import dev.stowage.plan.Weight;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.plan.model.ModelVector;
import dev.stowage.runtime.device.ComputeDevice;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.device.KvStore;
import dev.stowage.runtime.device.Partial;
import dev.stowage.runtime.device.Rows;
import dev.stowage.runtime.kernel.Kernels;
import dev.stowage.runtime.kernel.RopeTable;
import dev.stowage.runtime.weights.ModelFiles;
import dev.stowage.runtime.weights.PreparedFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Makes commands of steps: looks up every operand once, so that what runs knows only segments,
 * offsets and numbers.
 */
final class Commands {
  private static final long F32 = Float.BYTES;

  /** Where an operand lies in the pass at hand. */
  @FunctionalInterface
  private interface Place {
    MemorySegment of(Pass pass);
  }

  /** How many rows a step works on. */
  @FunctionalInterface
  private interface RowCount {
    int of(Pass pass);
  }

  private final ExecutablePlan plan;
  private final ModelShape shape;
  private final Kernels kernels; // that compute
  private final Kernels hostKernels;
  private final ComputeDevice gpu; // null where the host computes
  private final Map<String, ComputeDevice> gpus; // that compute, this one among them
  private final MemorySegment logits; // in host memory; null without the head
  private final Map<String, MemorySegment> memory;
  private final ResidentRows weights;
  private final ResidentRows hostRows; // that a gpu gets copies of
  private final ComputePlace place;
  private final Vectors vectors;
  private final Map<String, KvStore> stores;
  private final Map<String, Lane> lanes;
  private final ModelFiles files;
  private final Map<String, PreparedFile> prepared;
  private final Recorder recorder;
  private final Map<String, Partial[]> partials = new HashMap<>();
  private final int flights;
  private final RopeTable rotations;
  private final MemorySegment[] ringSlots;
  private int waits; // of the stop that is being bound
  private final Map<String, Sent> sent = new HashMap<>(); // by its name in host memory
  private final Set<String> sentInStop = new HashSet<>(); // of the stop that is being bound
  private final Map<String, MemorySegment[]> bridges = new HashMap<>();
  private final Map<String, Partial[]> bridgesBack = new HashMap<>();

  /** What brings the partial results of the stop that is being bound, by where they come to. */
  private final Map<String, Arrival> arrivals = new HashMap<>();

  /** Tickets of attention that runs on lanes, by the partial result it writes. */
  private final Map<String, Ticket> tickets = new HashMap<>();

  /** Tickets of what was stored last, by lane. */
  private final Map<Lane, Ticket> stored = new LinkedHashMap<>();

  /** What was submitted last to a lane, for every pass in flight. */
  private static final class Ticket implements Ordering {
    final Lane lane;
    final long[] numbers;

    Ticket(Lane lane, int flights) {
      this.lane = lane;
      numbers = new long[flights];
    }

    void submit(Command[] commands, Pass pass) {
      numbers[pass.flight] = lane.submit(commands[pass.flight], pass);
    }

    /** Waits for it. */
    @Override
    public void run(Pass pass) {
      lane.await(numbers[pass.flight]);
    }

    /** Waits for what any pass has submitted. */
    Ordering last() {
      return pass -> {
        for (long number : numbers) {
          lane.await(number);
        }
      };
    }
  }

  /** Orders lanes, and does no work of its own. */
  private interface Ordering extends Command {}

  /**
   * The commands of a stop.
   *
   * @param layer -1 outside the layers
   * @param waits the first that may wait for a lane; the number of commands where none does
   */
  record Stop(Command[] commands, int layer, int waits) {}

  Commands(
      ExecutablePlan plan,
      ComputePlace place,
      Kernels hostKernels,
      Map<String, ComputeDevice> gpus,
      Map<String, MemorySegment> memory,
      ResidentRows weights,
      ResidentRows hostRows,
      Map<String, KvStore> stores,
      Map<String, Lane> lanes,
      ModelFiles files,
      Map<String, PreparedFile> prepared,
      Recorder recorder) {
    this.plan = plan;
    this.recorder = recorder;
    this.hostKernels = hostKernels;
    this.place = place;
    this.gpus = gpus;
    gpu = place.gpu();
    kernels = gpu == null ? hostKernels : gpu.kernels();
    this.memory = memory;
    this.weights = weights;
    this.hostRows = hostRows;
    vectors = place.vectors();
    this.stores = stores;
    this.lanes = lanes;
    this.files = files;
    this.prepared = prepared;
    shape = plan.shape();
    flights = flights(plan);
    lanes.values().forEach(lane -> stored.put(lane, new Ticket(lane, flights)));
    ringSlots = ringSlots();
    rotations = rotations();
    logits = place.hasHead() ? hostLogits() : null;
  }

  private MemorySegment hostLogits() {
    var name = place.own("logits");
    return gpu == null ? memory.get(name) : gpu.hostMemory("logits", plan.buffer(name).bytes());
  }

  /** {@code [sequences of a micro-batch, vocabulary]}, F32, in host memory; of the last stage. */
  MemorySegment logits() {
    return logits;
  }

  /** Passes of one stop for which the plan has room where attention reads and writes. */
  static int flights(ExecutablePlan plan) {
    var stages = plan.stages();
    int most = Integer.MAX_VALUE;
    for (var device : stages.devices()) {
      int regions = 0;
      for (var name : List.of("q", "k", "v", "attended")) {
        most = Math.min(most, plan.buffer(stages.own(name, device)).instances());
      }
      for (var buffer : plan.buffers()) {
        regions += buffer.name().equals(stages.own("partial." + regions, device)) ? 1 : 0;
      }
    }
    return most;
  }

  private MemorySegment[] ringSlots() {
    var segment = memory.get(place.own("ring"));
    if (segment == null) {
      return new MemorySegment[0];
    }
    Buffer ring = plan.buffer(place.own("ring"));
    var slots = new MemorySegment[ring.instances()];
    for (int i = 0; i < slots.length; i++) {
      slots[i] = segment.asSlice(i * ring.bytes(), ring.bytes());
    }
    return slots;
  }

  private RopeTable rotations() {
    if (shape.family().isOpt()) {
      return null;
    }
    var factors = vectors.find(ModelVector.ROPE_FACTORS, 0);
    if (gpu == null) {
      return rotations(
          SegmentAllocator.slicingAllocator(memory.get(place.own("rotations"))), factors);
    }
    try (var arena = Arena.ofConfined()) {
      if (factors != null) {
        var read = arena.allocate(factors.byteSize(), 4);
        gpu.read(factors, read);
        factors = read;
      }
      var table = rotations(arena, factors);
      long half = table.cosines().byteSize();
      var cosines = memory.get(place.own("rotations")).asSlice(0, half);
      var sines = memory.get(place.own("rotations")).asSlice(half, half);
      gpu.write(table.cosines(), cosines);
      gpu.write(table.sines(), sines);
      return table.at(cosines, sines);
    }
  }

  private RopeTable rotations(SegmentAllocator memory, MemorySegment factors) {
    return RopeTable.create(
        memory,
        plan.batch().tokens(),
        shape.headDim(),
        shape.ropeTheta(),
        shape.ropeScaling(),
        shape.ropePairs(),
        factors);
  }

  /** The commands of one stop. */
  Stop bind(Section section, int layer, List<Binder.Load> loads) throws ModelFormatException {
    boolean head =
        section.steps().stream()
            .anyMatch(step -> step instanceof Step.Compute c && c.op() instanceof Op.Pick);
    RowCount rows = head ? pass -> pass.pickTo - pass.pickFrom : pass -> pass.rows.count();
    var commands = new ArrayList<Command>();
    if (!section.layers().isEmpty()) {
      for (var ticket : stored.values()) {
        commands.add(ticket); // q, k and v are free to be written again
      }
    }
    sentInStop.clear();
    takeHidden(commands);
    boolean brings = section.layers().isEmpty() && !head;
    if (brings && place.leaves() != null) {
      Ordering free = place.leaves()::awaitTaken;
      commands.add(free); // hidden states may be written again
    }
    waits = -1;
    for (int number = 0; number < section.steps().size(); number++) {
      var step = section.steps().get(number);
      int first = commands.size();
      var work = work(step, section, layer);
      switch (step) {
        case Step.Load load -> {} // the read lane's
        case Step.Compute compute -> {
          int load = streamed(compute, layer, loads);
          if (load >= 0) {
            commands.add((Ordering) pass -> pass.stream.await(load));
          }
          compute(commands, compute, layer, loads, rows);
          record(commands, first, "compute(" + compute.at() + ")", work, bytes(compute));
          if (load >= 0 && loads.get(load).lastUse(section) == number) {
            commands.add((Ordering) pass -> free(pass, load));
          }
        }
        case Step.Attend attend -> attend(commands, attend, layer, work);
        case Step.Append append -> append(commands, append, layer, work);
        case Step.Copy copy -> {
          copy(commands, copy, work);
          record(commands, first, "copy(" + copy.from() + ")", work, 0);
        }
      }
    }
    if (head && gpu != null) {
      var from = place(place.own("logits"));
      long row = shape.vocabulary() * F32;
      commands.add(pass -> gpu.read(from.of(pass), 0, logits, 0, rows.of(pass) * row));
    }
    return new Stop(
        commands.toArray(Command[]::new),
        section.layers().isEmpty() ? -1 : layer,
        waits < 0 ? commands.size() : waits);
  }

  /** The load that brings the rows of a product; -1 where they are resident, or none are needed. */
  private int streamed(Step.Compute step, int layer, List<Binder.Load> loads) {
    if (step.op() instanceof Op.MatMul op
        && weights.find(op.weight(), layer, op.rows()).isEmpty()) {
      for (int i = 0; i < loads.size(); i++) {
        if (loads.get(i).serves(op)) {
          return i;
        }
      }
    }
    return -1;
  }

  private static void free(Pass pass, int load) {
    if (pass.usesLast) {
      pass.stream.free(load);
    }
  }

  /**
   * Each of several stages has room for a micro-batch's hidden states. Of one stage, a micro-batch
   * whose hidden states wait elsewhere gets its flight's room for them.
   */
  private void takeHidden(List<Command> commands) {
    if (place.stages().count() > 1) {
      var own = memory.get(place.own("hidden"));
      long bytes = plan.buffer(place.own("hidden")).bytes();
      var room = new MemorySegment[plan.batch().microBatches()];
      Arrays.setAll(room, microBatch -> own.asSlice(microBatch * bytes, bytes));
      Ordering take = pass -> pass.hidden = room[pass.microBatch];
      commands.add(take);
      return;
    }
    int elsewhere = plan.buffers().stream().filter(Binder::waits).mapToInt(Buffer::instances).sum();
    if (elsewhere > 0) {
      var hidden = plan.buffer("hidden");
      int here = plan.batch().microBatches() - elsewhere;
      var room = new MemorySegment[flights];
      Arrays.setAll(
          room,
          flight ->
              memory
                  .get("hidden")
                  .asSlice(
                      (here + flight % (hidden.instances() - here)) * hidden.bytes(),
                      hidden.bytes()));
      Ordering take =
          pass -> {
            if (pass.waiting != null) {
              pass.hidden = room[pass.flight];
            }
          };
      commands.add(take);
    }
  }

  // -- between a gpu and the host

  /** What is being sent from a gpu, in host memory: for every pass in flight. */
  private record Sent(MemorySegment[] host, ComputeDevice.Mark[] marks) {}

  /** What brings a partial result to the gpu that merges it; it is heard of by itself. */
  private record Arrival(Command command) implements Ordering {
    @Override
    public void run(Pass pass) {
      command.run(pass);
    }
  }

  /**
   * Between a gpu and the host: queries, keys and values go to what attends elsewhere, partial
   * results come back, and hidden states wait there.
   */
  private void copy(List<Command> commands, Step.Copy step, Recorder.Work work) {
    if (place.arrives() != null && step.to().equals(place.own("hidden"))) {
      commands.add(place.arrives());
      return;
    }
    boolean leaves = onGpu(step.from());
    if (gpu == null || leaves == onGpu(step.to())) {
      throw cannot("copy %s to %s".formatted(step.from(), step.to()));
    }
    if (Binder.waits(plan.buffer(leaves ? step.to() : step.from()))) {
      commands.add(wait(leaves, leaves ? step.to() : step.from()));
    } else if (step.from().startsWith("partial.") && !leaves) {
      var ticket = tickets.remove(step.from());
      if (ticket != null) {
        tickets.put(step.to(), ticket);
      }
      arrive(step.to(), partial(step.from()), work);
    } else if (leaves) {
      send(commands, step.from(), step.to(), instances(step.to()));
    } else {
      throw cannot("copy %s to %s".formatted(step.from(), step.to()));
    }
  }

  /** Hidden states of the micro-batches that wait in a buffer. */
  private Command wait(boolean leaves, String buffer) {
    var place = memory.get(buffer);
    long from = place.address();
    long to = from + place.byteSize();
    long rowBytes = shape.hidden() * F32;
    return pass -> {
      if (pass.waiting == null || pass.waiting.address() < from || pass.waiting.address() >= to) {
        return;
      }
      long bytes = pass.rows.count() * rowBytes;
      if (leaves) {
        gpu.readLater(pass.hidden, 0, pass.waiting, 0, bytes);
      } else {
        gpu.writeLater(pass.waiting, 0, pass.hidden, 0, bytes);
      }
    };
  }

  /** Says that a partial result comes to the gpu just before it is merged. */
  private void arrive(String to, Partial[] from, Recorder.Work work) {
    var here = partial(to);
    long oBytes = shape.queryWidth() * F32;
    long stateBytes = 2L * shape.heads() * F32;
    Command command =
        pass -> {
          int rows = pass.rows.count();
          var source = from[pass.flight];
          var target = here[pass.flight];
          gpu.writeLater(source.o(), 0, target.o(), 0, rows * oBytes);
          gpu.writeLater(source.state(), 0, target.state(), 0, rows * stateBytes);
        };
    arrivals.put(
        to, new Arrival(recorder.lane("copy(host)").recorded(command, work, Recorder.Bytes.NONE)));
  }

  private Sent send(List<Command> commands, String from, String name, MemorySegment[] to) {
    var sending =
        sent.computeIfAbsent(
            name,
            _ -> {
              var marks = new ComputeDevice.Mark[flights];
              Arrays.setAll(marks, _ -> gpu.mark());
              return new Sent(to, marks);
            });
    var source = place(from);
    long rowBytes = width(from) * F32;
    commands.add(
        pass -> {
          var host = sending.host[pass.flight];
          gpu.readLater(source.of(pass), 0, host, 0, pass.rows.count() * rowBytes);
          sending.marks[pass.flight].set();
        });
    return sending;
  }

  /** An operand as it is seen where a region is attended to, or stored, by others than a gpu. */
  private Sent atHost(List<Command> commands, String operand) {
    if (!onGpu(operand)) {
      return sent.get(operand);
    }
    String name = operand + ".host";
    return sentInStop.add(operand)
        ? send(commands, operand, name, bridge(operand))
        : sent.get(name);
  }

  /** Page-locked memory through which an operand goes to drives, for every pass in flight. */
  private MemorySegment[] bridge(String operand) {
    return bridges.computeIfAbsent(
        operand,
        name -> {
          long bytes = plan.batch().rowsPerPass() * (width(name) * F32);
          var host = new MemorySegment[flights];
          Arrays.setAll(host, _ -> gpu.hostMemory(name, bytes));
          return host;
        });
  }

  /** Page-locked memory through which a drive's partial results come. */
  private Partial[] bridgeBack(String partial) {
    return bridgesBack.computeIfAbsent(
        partial,
        name -> {
          long rows = plan.batch().rowsPerPass();
          var host = new Partial[flights];
          Arrays.setAll(
              host,
              _ ->
                  new Partial(
                      gpu.hostMemory(name, rows * (shape.queryWidth() * F32)),
                      gpu.hostMemory(name, rows * (2L * shape.heads() * F32))));
          return host;
        });
  }

  private MemorySegment[] instances(String buffer) {
    var segments = new MemorySegment[flights];
    Arrays.setAll(segments, flight -> instance(buffer, flight));
    return segments;
  }

  private boolean onGpu(String buffer) {
    return plan.machine().device(plan.buffer(buffer).device()).kind() == DeviceKind.GPU;
  }

  // -- who hears of it

  /** A step of a stop, as it is heard of. */
  static Recorder.Work work(Step step, Section section, int layer) {
    boolean inLayer = !section.layers().isEmpty();
    return new Recorder.Work(
        step.label(), inLayer ? "layer " + layer : section.name(), inLayer ? layer : -1);
  }

  private void record(
      List<Command> commands, int first, String lane, Recorder.Work work, long bytes) {
    for (int i = first; i < commands.size(); i++) {
      if (!(commands.get(i) instanceof Ordering)) {
        commands.set(i, recorder.lane(lane).recorded(commands.get(i), work, _ -> bytes));
      }
    }
  }

  /** Weights that a product reads. */
  private long bytes(Step.Compute step) {
    return switch (step.op()) {
      case Op.MatMul(var weight, var range) ->
          plan.weights().stream()
              .filter(r -> r.weight() == weight && r.rows().contains(range))
              .findFirst()
              .map(r -> range.size() * shape.rowBytes(weight, r.type()))
              .orElse(0L);
      default -> 0;
    };
  }

  /**
   * Where keys and values are attended to, or stored: what a disk holds is read and written there,
   * and everything else is work of the device that attends.
   */
  private Recorder.Lane lane(KvRegion region, String verb) {
    var home = plan.machine().device(region.device()).kind();
    boolean storage = home == DeviceKind.DISK || verb.equals("write") && home == DeviceKind.CSD;
    return recorder.lane(
        storage ? verb + "(" + region.device() + ")" : "compute(" + region.attendAt() + ")");
  }

  // -- storage lanes

  private void attend(List<Command> commands, Step.Attend step, int layer, Recorder.Work work) {
    var region = plan.kvRegion(step.region());
    var recorded = lane(region, "read");
    var store = stores.get(step.region());
    boolean elsewhere =
        gpu != null && plan.machine().device(region.attendAt()).kind() != DeviceKind.GPU;
    var queries = elsewhere ? atHost(commands, step.queries()) : null;
    var into =
        elsewhere && onGpu(step.writes()) ? bridgeBack(step.writes()) : partial(step.writes());
    // on a lane, later: bound to the flight, since the pass may be on another by then
    var perFlight = new Command[flights];
    for (int flight = 0; flight < flights; flight++) {
      var partial = into[flight];
      Command attend;
      if (elsewhere) {
        var q = queries.host[flight];
        var mark = queries.marks[flight];
        attend =
            pass -> {
              mark.await();
              store.attend(layer, pass.rows, q, partial);
            };
      } else {
        var q = instance(step.queries(), flight);
        attend = pass -> store.attend(layer, pass.rows, q, partial);
      }
      perFlight[flight] = recorded.recorded(attend, work, Recorder.Bytes.NONE);
    }
    var lane = gpu != null && !elsewhere ? null : lanes.get(laneOf(plan, region));
    if (lane == null) {
      if (fromDiskToGpu(region)) {
        stored.values().forEach(ticket -> commands.add(ticket.last())); // that write where it reads
      }
      commands.add(pass -> perFlight[pass.flight].run(pass));
      if (plan.machine().device(region.device()).kind() == DeviceKind.DISK) {
        commands.add(pass -> expect(store, pass));
      }
    } else {
      var ticket = new Ticket(lane, flights);
      tickets.put(step.writes(), ticket);
      commands.add(pass -> ticket.submit(perFlight, pass));
    }
    if (elsewhere && onGpu(step.writes())) {
      arrive(step.writes(), into, work);
    }
  }

  /** A disk brings sequences to where it also gathers what it writes. */
  private boolean fromDiskToGpu(KvRegion region) {
    return plan.machine().device(region.device()).kind() == DeviceKind.DISK
        && plan.machine().device(region.attendAt()).kind() == DeviceKind.GPU;
  }

  /** While what follows computes, a disk reads what the next pass will attend to. */
  private static void expect(KvStore store, Pass pass) {
    if (pass.nextLayer >= 0) {
      store.expect(pass.nextLayer, pass.next.rows);
    }
  }

  private void append(List<Command> commands, Step.Append step, int layer, Recorder.Work work) {
    var region = plan.kvRegion(step.region());
    var recorded = lane(region, "write");
    long rowBytes = 2 * region.heads().size() * plan.kvType().rowBytes(shape.headDim());
    var store = stores.get(step.region());
    boolean elsewhere =
        gpu != null && plan.machine().device(region.device()).kind() != DeviceKind.GPU;
    var sentKeys = elsewhere ? atHost(commands, step.keys()) : null;
    var sentValues = elsewhere ? atHost(commands, step.values()) : null;
    var perFlight = new Command[flights];
    for (int flight = 0; flight < flights; flight++) {
      Command append;
      if (elsewhere) {
        var keys = sentKeys.host[flight];
        var values = sentValues.host[flight];
        var keysThere = sentKeys.marks[flight];
        var valuesThere = sentValues.marks[flight];
        append =
            pass -> {
              keysThere.await();
              valuesThere.await();
              store.append(layer, pass.rows, keys, values);
            };
      } else {
        var keys = instance(step.keys(), flight);
        var values = instance(step.values(), flight);
        append = pass -> store.append(layer, pass.rows, keys, values);
      }
      perFlight[flight] =
          recorded.recorded(append, work, pass -> rowBytes * stored(region, pass.rows));
    }
    var lane = lanes.get(laneOf(plan, region));
    if (lane == null) {
      commands.add(pass -> perFlight[pass.flight].run(pass));
    } else {
      var ticket = stored.get(lane);
      commands.add(pass -> ticket.submit(perFlight, pass));
    }
  }

  /** Rows whose keys and values a region holds. */
  private static int stored(KvRegion region, Rows rows) {
    int count = 0;
    for (int row = 0; row < rows.count(); row++) {
      if (region.sequences().contains(rows.slot(row))
          && region.tokens().contains(rows.position(row))) {
        count++;
      }
    }
    return count;
  }

  /**
   * The device whose lane may attend to a region and store there, beside the compute lane: a drive,
   * or the host beside a gpu. What a gpu attends to is stored by the host that holds it, or reads
   * it from a disk. Otherwise the device that computes, which has no lane.
   */
  static String laneOf(ExecutablePlan plan, KvRegion region) {
    var at = plan.machine().device(region.attendAt()).kind();
    if (at != DeviceKind.GPU) {
      return region.attendAt();
    }
    return switch (plan.machine().device(region.device()).kind()) {
      case HOST -> region.device();
      case DISK -> plan.buffer("staging." + region.name()).device();
      case GPU, CSD -> region.attendAt();
    };
  }

  // -- compute

  private void compute(
      List<Command> commands, Step.Compute step, int layer, List<Binder.Load> loads, RowCount rows)
      throws ModelFormatException {
    boolean here =
        switch (plan.machine().device(step.at()).kind()) {
          case HOST -> gpu == null;
          case GPU -> gpu != null && gpu.spec().name().equals(step.at());
          case DISK, CSD -> false;
        };
    if (!here) {
      throw cannot("compute on %s".formatted(step.at()));
    }
    var out = place(step.writes());
    switch (step.op()) {
      case Op.Embed() -> commands.add(embed(out));
      case Op.AddPositions() -> commands.add(addPositions(out));
      case Op.Pick() -> commands.add(pick(out));
      case Op.Normalize(var norm) -> commands.add(normalize(norm, layer, step, out, rows));
      case Op.MatMul(var weight, var range) ->
          commands.add(
              matmul(
                  new Op.MatMul(weight, range),
                  layer,
                  loads,
                  step.reads().getFirst(),
                  step.writes(),
                  rows));
      case Op.NormalizeHeads(var of) -> {
        int heads = of == Weight.Q ? shape.heads() : shape.kvHeads();
        long stride = (long) heads * shape.headDim() * F32;
        var weight = vectors.find(of == Weight.Q ? ModelVector.Q_NORM : ModelVector.K_NORM, layer);
        float epsilon = (float) shape.normEpsilon();
        commands.add(
            pass -> {
              var x = out.of(pass);
              kernels.rmsNorm(
                  x,
                  0,
                  stride,
                  weight,
                  0,
                  epsilon,
                  x,
                  0,
                  stride,
                  pass.rows.count(),
                  heads,
                  shape.headDim());
            });
      }
      case Op.Rotate(var of) -> {
        int heads = of == Weight.Q ? shape.heads() : shape.kvHeads();
        long stride = (long) heads * shape.headDim() * F32;
        commands.add(
            pass ->
                kernels.rope(
                    out.of(pass),
                    0,
                    stride,
                    rotations,
                    pass.rows.positions(),
                    0,
                    pass.rows.count(),
                    heads,
                    shape.headDim()));
      }
      case Op.AttendPass() -> commands.add(attendPass(step));
      case Op.Merge() -> merge(commands, step);
      case Op.Finish() -> {
        var partial = partial(step.writes());
        long stride = shape.queryWidth() * F32;
        commands.add(
            pass ->
                kernels.finishAttention(
                    partial[pass.flight].o(),
                    0,
                    stride,
                    partial[pass.flight].state(),
                    0,
                    pass.rows.count(),
                    shape.heads(),
                    shape.headDim()));
      }
      case Op.Activate() -> commands.add(activate(step));
      case Op.Add() -> {
        var delta = place(step.reads().get(1));
        long stride = shape.hidden() * F32;
        commands.add(
            pass ->
                kernels.add(
                    out.of(pass),
                    0,
                    stride,
                    delta.of(pass),
                    0,
                    stride,
                    pass.rows.count(),
                    shape.hidden()));
      }
    }
  }

  private Command matmul(
      Op.MatMul op, int layer, List<Binder.Load> loads, String from, String to, RowCount rows) {
    var weight = op.weight();
    var x = place(from);
    var out = place(to);
    int columns = shape.columns(weight);
    long xStride = columns * F32;
    long outStride = width(to) * F32;
    var bias = bias(weight, layer);
    long biasOffset = bias == null ? 0 : op.rows().from() * F32;
    int first = op.rows().from();
    int end = op.rows().to();
    var resident = weights.find(weight, layer, op.rows());
    if (resident.isPresent()) {
      var slab = resident.get();
      ElementType type = slab.type();
      long offset = (first - slab.rows().from()) * shape.rowBytes(weight, type);
      var segment = slab.segment();
      return pass ->
          kernels.matmul(
              x.of(pass),
              0,
              xStride,
              segment,
              offset,
              type,
              bias,
              biasOffset,
              out.of(pass),
              0,
              outStride,
              rows.of(pass),
              columns,
              first,
              end);
    }
    var load =
        loads.stream()
            .filter(l -> l.serves(op))
            .findFirst()
            .orElseThrow(
                () ->
                    cannot(
                        "multiply by rows %s of %s, which are neither resident nor loaded"
                            .formatted(op.rows(), weight.word())));
    ElementType type = load.type();
    long offset = load.offset() + (first - load.rows().from()) * shape.rowBytes(weight, type);
    return pass ->
        kernels.matmul(
            x.of(pass),
            0,
            xStride,
            ringSlots[pass.ringSlot],
            offset,
            type,
            bias,
            biasOffset,
            out.of(pass),
            0,
            outStride,
            rows.of(pass),
            columns,
            first,
            end);
  }

  private MemorySegment bias(Weight weight, int layer) {
    return switch (weight) {
      case Q -> vectors.find(ModelVector.Q_BIAS, layer);
      case K -> vectors.find(ModelVector.K_BIAS, layer);
      case V -> vectors.find(ModelVector.V_BIAS, layer);
      case O -> vectors.find(ModelVector.O_BIAS, layer);
      case GATE -> vectors.find(ModelVector.GATE_BIAS, layer);
      case UP -> vectors.find(ModelVector.UP_BIAS, layer);
      case DOWN -> vectors.find(ModelVector.DOWN_BIAS, layer);
      case TOKENS, POSITIONS, PROJECT_IN, PROJECT_OUT, HEAD -> null;
    };
  }

  private Command normalize(Op.Norm norm, int layer, Step.Compute step, Place out, RowCount rows) {
    var x = place(step.reads().getFirst());
    var weight =
        switch (norm) {
          case ATTENTION -> vectors.find(ModelVector.ATTENTION_NORM, layer);
          case MLP -> vectors.find(ModelVector.MLP_NORM, layer);
          case FINAL -> vectors.find(ModelVector.FINAL_NORM, 0);
        };
    var bias =
        switch (norm) {
          case ATTENTION -> vectors.find(ModelVector.ATTENTION_NORM_BIAS, layer);
          case MLP -> vectors.find(ModelVector.MLP_NORM_BIAS, layer);
          case FINAL -> vectors.find(ModelVector.FINAL_NORM_BIAS, 0);
        };
    int hidden = shape.hidden();
    long stride = hidden * F32;
    float epsilon = (float) shape.normEpsilon();
    if (shape.family().isOpt()) {
      return pass ->
          kernels.layerNorm(
              x.of(pass),
              0,
              stride,
              weight,
              0,
              bias,
              0,
              epsilon,
              out.of(pass),
              0,
              stride,
              rows.of(pass),
              hidden);
    }
    return pass ->
        kernels.rmsNorm(
            x.of(pass),
            0,
            stride,
            weight,
            0,
            epsilon,
            out.of(pass),
            0,
            stride,
            rows.of(pass),
            1,
            hidden);
  }

  private Command activate(Step.Compute step) {
    int ffn = shape.ffn();
    long stride = ffn * F32;
    if (shape.family().isOpt()) {
      var x = place(step.writes());
      return pass -> kernels.relu(x.of(pass), 0, stride, pass.rows.count(), ffn);
    }
    var gate = place(step.writes());
    var up = place(step.reads().get(1));
    return pass ->
        kernels.siluMultiply(
            gate.of(pass), 0, stride, up.of(pass), 0, stride, pass.rows.count(), ffn);
  }

  /** Picked rows, one after the other: a look-up among the pass's hidden states. */
  private Command pick(Place out) {
    long stride = shape.hidden() * F32;
    int most = plan.batch().rowsPerPass();
    return pass ->
        kernels.embed(
            pass.hidden,
            0,
            ElementType.F32,
            most,
            pass.picks,
            pass.pickFrom,
            out.of(pass),
            0,
            stride,
            pass.pickTo - pass.pickFrom,
            shape.hidden());
  }

  // -- attention within the pass

  /**
   * Rows of one sequence are neighbours: each run attends among its own keys and values, every row
   * up to itself.
   */
  private Command attendPass(Step.Compute step) {
    var q = place(step.reads().get(0));
    var k = place(step.reads().get(1));
    var v = place(step.reads().get(2));
    var into = partial(step.writes());
    long queryStride = shape.queryWidth() * F32;
    long kvStride = shape.kvWidth() * F32;
    long headStride = shape.headDim() * F32;
    long stateStride = 2L * shape.heads() * F32;
    float scale = (float) (1 / Math.sqrt(shape.headDim()));
    int window = shape.slidingWindow().orElse(Integer.MAX_VALUE);
    var lengths = new int[plan.batch().rowsPerPass()];
    return pass -> {
      var rows = pass.rows;
      int row = 0;
      while (row < rows.count()) {
        int end = rows.endOfRun(row);
        int start = rows.start(row);
        boolean windowed = rows.position(end - 1) - start >= window;
        int together = windowed ? 1 : end - row;
        for (int at = row; at < end; at += together) {
          // with a window, each row by itself, from the first key it sees
          int skip = windowed ? Math.max(0, rows.position(at) - start - window + 1) : 0;
          for (int i = at; i < at + together; i++) {
            lengths[i] = rows.position(i) - start + 1 - skip;
          }
          kernels.attention(
              q.of(pass),
              at * queryStride,
              queryStride,
              k.of(pass),
              (row + skip) * kvStride,
              v.of(pass),
              (row + skip) * kvStride,
              ElementType.F32,
              kvStride,
              headStride,
              lengths,
              at,
              scale,
              into[pass.flight].o(),
              at * queryStride,
              queryStride,
              into[pass.flight].state(),
              at * stateStride,
              together,
              shape.heads(),
              shape.kvHeads(),
              0,
              shape.kvHeads(),
              shape.headDim());
        }
        row = end;
      }
    };
  }

  private void merge(List<Command> commands, Step.Compute step) {
    var other = partial(step.reads().get(1));
    var into = partial(step.writes());
    long stride = shape.queryWidth() * F32;
    var ticket = tickets.remove(step.reads().get(1));
    if (ticket != null) {
      waits = waits < 0 ? commands.size() : waits;
      commands.add(ticket);
    }
    var arrival = arrivals.remove(step.reads().get(1));
    if (arrival != null) {
      commands.add(arrival);
    }
    commands.add(
        pass ->
            kernels.mergeAttention(
                into[pass.flight].o(),
                0,
                stride,
                into[pass.flight].state(),
                0,
                other[pass.flight].o(),
                0,
                stride,
                other[pass.flight].state(),
                0,
                pass.rows.count(),
                shape.heads(),
                0,
                shape.heads(),
                shape.headDim()));
  }

  // -- looked-up rows

  private Command embed(Place out) throws ModelFormatException {
    long stride = shape.embedding() * F32;
    var table = table(Weight.TOKENS);
    return pass -> table.widen(pass.tokens, pass.rows.count(), out.of(pass), stride);
  }

  /**
   * OPT keeps position {@code p} at row {@code p + 2}. Rows are widened where the norm writes next,
   * then added.
   */
  private Command addPositions(Place out) throws ModelFormatException {
    int width = shape.hidden();
    long stride = width * F32;
    var table = table(Weight.POSITIONS);
    var wide = memory.get(place.own("normed"));
    var rows = new int[plan.batch().rowsPerPass()];
    return pass -> {
      for (int row = 0; row < pass.rows.count(); row++) {
        rows[row] = pass.rows.position(row) + 2;
      }
      table.widen(rows, pass.rows.count(), wide, stride);
      kernels.add(out.of(pass), 0, stride, wide, 0, stride, pass.rows.count(), width);
    };
  }

  private RowTable table(Weight weight) throws ModelFormatException {
    MemorySegment scratch;
    if (gpu == null) {
      var up = memory.get(place.own("up"));
      var delta = memory.get(place.own("delta"));
      scratch = up.byteSize() > delta.byteSize() ? up : delta;
    } else {
      scratch = gpu.hostMemory("a row of " + weight.word(), 4L * shape.columns(weight) + 1024);
    }
    return RowTable.of(
        plan, weight, weights, hostRows, files, prepared, hostKernels, gpu, gpus, scratch);
  }

  // -- operands

  private Place place(String buffer) {
    if (buffer.equals(place.own("hidden"))) {
      return pass -> pass.hidden;
    }
    if (plan.buffer(buffer).instances() < flights || flights == 1) {
      var segment = instance(buffer, 0);
      return pass -> segment;
    }
    var segments = new MemorySegment[flights];
    Arrays.setAll(segments, flight -> instance(buffer, flight));
    return pass -> segments[pass.flight];
  }

  /** A pass in flight's own part of a buffer, or the buffer where it has one part only. */
  private MemorySegment instance(String name, int flight) {
    var segment = memory.get(name);
    if (segment == null) {
      throw cannot("use the buffer %s as an operand".formatted(name));
    }
    var buffer = plan.buffer(name);
    return segment.asSlice((flight % buffer.instances()) * buffer.bytes(), buffer.bytes());
  }

  /** A partial result for every pass in flight. */
  private Partial[] partial(String buffer) {
    return partials.computeIfAbsent(
        buffer,
        name -> {
          var results = new Partial[flights];
          for (int flight = 0; flight < flights; flight++) {
            var segment = instance(name, flight);
            long o = Footprint.align(plan.batch().rowsPerPass() * (shape.queryWidth() * F32));
            results[flight] = new Partial(segment.asSlice(0, o), segment.asSlice(o));
          }
          return results;
        });
  }

  /** Columns of an activation. */
  private int width(String buffer) {
    return switch (place.kind(buffer)) {
      case "hidden", "normed", "delta", "last" -> shape.hidden();
      case "embedded", "unprojected" -> shape.embedding();
      case "q", "attended" -> shape.queryWidth();
      case "k", "v" -> shape.kvWidth();
      case "gate", "up" -> shape.ffn();
      case "logits" -> shape.vocabulary();
      default -> throw cannot("write a product to the buffer %s".formatted(buffer));
    };
  }

  /**
   * A step that no compiler of ours makes: a plan may be well-formed, and still say what nothing
   * here can do.
   */
  private DeviceException cannot(String what) {
    return new DeviceException(plan.name(), "this executor cannot " + what);
  }
}
