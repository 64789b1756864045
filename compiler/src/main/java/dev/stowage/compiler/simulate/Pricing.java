package dev.stowage.compiler.simulate;

import dev.stowage.optimizer.cost.ComputeWork;
import dev.stowage.optimizer.cost.FlashPages;
import dev.stowage.optimizer.cost.KvWork;
import dev.stowage.optimizer.cost.ProductRate;
import dev.stowage.optimizer.cost.SparseRead;
import dev.stowage.optimizer.cost.Speeds;
import dev.stowage.optimizer.cost.Stops;
import dev.stowage.optimizer.cost.Transfers;
import dev.stowage.optimizer.cost.WeightWork;
import dev.stowage.plan.Buffer;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Op;
import dev.stowage.plan.Range;
import dev.stowage.plan.Rate;
import dev.stowage.plan.RateCurve.Measure;
import dev.stowage.plan.Step;
import dev.stowage.plan.Weight;
import dev.stowage.plan.WeightRegion;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The seconds of single steps, by the formulas that {@code dev.stowage.optimizer.cost} has for
 * whole phases. Norms, activations, rotations and merges are free there, and here.
 */
final class Pricing {
  private static final double F32 = 4;

  private final ExecutablePlan plan;
  private final ModelShape shape;
  private final String compute;
  private final String host;
  private final double sweepBytes;
  private final Set<Buffer.Purpose> pageable;
  private final Set<DeviceSpec> slowed; // by the host's compute, as weights are loaded from them
  private final Map<String, Integer> lanes = new HashMap<>();
  private final List<String> laneNames = new ArrayList<>();

  /**
   * @param compute the device that embeds
   * @param pageable what a gpu copies from host memory that is not page-locked
   */
  Pricing(ExecutablePlan plan, String compute, Set<Buffer.Purpose> pageable) {
    this.plan = plan;
    this.compute = compute;
    this.pageable = pageable;
    shape = plan.shape();
    sweepBytes =
        plan.weights().stream()
            .filter(
                region ->
                    region.weight().perLayer()
                        || region.weight() == Weight.PROJECT_IN
                        || Stops.head(shape).contains(region.weight()))
            .mapToDouble(region -> region.bytes(shape))
            .sum();
    host =
        plan.machine().devices().stream()
            .filter(d -> d.kind() == DeviceKind.HOST)
            .map(DeviceSpec::name)
            .findFirst()
            .orElse(compute);
    slowed =
        plan.sections().stream()
            .flatMap(section -> section.steps().stream())
            .filter(Step.Load.class::isInstance)
            .map(step -> plan.machine().device(((Step.Load) step).from()))
            .filter(device -> device.rates().containsKey(Rate.SLOWED_BY_HOST))
            .collect(Collectors.toUnmodifiableSet());
  }

  /** Whether a lane is a device's own: its processor or its memory. */
  boolean computes(int lane, String device) {
    var name = laneNames.get(lane);
    return name.equals("compute(" + device + ")") || name.equals("bandwidth(" + device + ")");
  }

  /** The names of all lanes priced so far; a lane's number is its place. */
  List<String> lanes() {
    return laneNames;
  }

  /**
   * @param slots of the micro-batch
   */
  Work price(Step step, Sweep sweep, Range slots) {
    var work = new Work();
    switch (step) {
      case Step.Load load -> {
        move(
            work,
            load.from(),
            plan.buffer(load.ring()).device(),
            (double) load.rows().size() * shape.rowBytes(load.weight(), load.type()),
            1,
            new Manner(
                isPageable(Buffer.Purpose.WEIGHTS, load.from()),
                Speeds.cached(
                    (double) load.rows().size() * shape.rowBytes(load.weight(), load.type()))));
        leak(work, plan.machine().device(load.from()));
      }
      case Step.Compute(var op, var at, _, _) -> compute(work, op, at, sweep, slots);
      case Step.Attend(var region, var queries, _) ->
          attend(work, plan.kvRegion(region), plan.buffer(queries).device(), sweep, slots);
      case Step.Append append -> append(work, append, sweep, slots);
      case Step.Copy copy -> copy(work, copy, sweep, slots);
    }
    return work;
  }

  private void compute(Work work, Op op, String at, Sweep sweep, Range slots) {
    var device = plan.machine().device(at);
    double rows = (double) slots.size() * sweep.tokens();
    switch (op) {
      case Op.MatMul(var weight, var range) -> {
        boolean once = !weight.perLayer();
        double multiplied = once && weight != Weight.PROJECT_IN ? slots.size() : rows;
        if (once && !sweep.picks()) {
          multiplied = 0;
        }
        double elements = (double) range.size() * shape.columns(weight);
        if (Speeds.measured(device)) {
          if (multiplied > 0) {
            var type = storedAs(weight, range);
            add(
                work,
                "compute",
                at,
                Speeds.productSeconds(
                    device, type, multiplied, shape.columns(weight), elements, 1, sweepBytes));
          }
          return;
        }
        double rate =
            sweep.prefill() && once
                ? device.rate(Rate.PREFILL_COMPUTE)
                : ProductRate.of(device, passRows(sweep));
        add(work, "compute", at, 2 * multiplied * elements / rate);
        if (multiplied > 0 || once) {
          var type = storedAs(weight, range);
          add(
              work,
              "bandwidth",
              at,
              (double) range.size()
                  * shape.rowBytes(weight, type)
                  / device.rate(Rate.MEMORY_BANDWIDTH));
          if (type.quantized()) {
            double unpacked = WeightWork.UNPACK_FLOPS * elements;
            add(work, "compute", at, unpacked / device.rate(Rate.DECODE_COMPUTE));
          }
        }
      }
      case Op.AttendPass() -> {
        double pairs = sweep.tokens() * (sweep.tokens() + 1.0) / 2;
        double rate = ComputeWork.passAttention(device, shape, sweep.tokens(), passRows(sweep));
        add(work, "compute", at, 4.0 * slots.size() * shape.queryWidth() * pairs / rate);
        if (Speeds.measured(device)) {
          double seconds = Speeds.overheadSeconds(device, 1, Speeds.layerBytes(shape, rows));
          add(work, "compute", at, seconds);
        }
      }
      case Op.Embed() -> lookUps(work, Weight.TOKENS, rows);
      case Op.AddPositions() -> lookUps(work, Weight.POSITIONS, rows);
      case Op.Pick _ -> {
        if (Speeds.measured(device) && sweep.picks()) {
          double logits = Speeds.headBytes(shape, slots.size());
          add(work, "compute", at, Speeds.overheadSeconds(device, 1, logits));
        }
      }
      case Op.Normalize _,
          Op.NormalizeHeads _,
          Op.Rotate _,
          Op.Merge _,
          Op.Finish _,
          Op.Activate _,
          Op.Add _ -> {}
    }
  }

  /** How the rows of a product are stored where it is computed: as in the region they come from. */
  private ElementType storedAs(Weight weight, Range rows) {
    return plan.weights().stream()
        .filter(region -> region.weight() == weight && region.rows().contains(rows))
        .findFirst()
        .map(WeightRegion::type)
        .orElse(shape.weightType());
  }

  private static double sequencesOf(KvRegion region, Range slots) {
    return Math.max(
        0,
        Math.min(region.sequences().to(), slots.to())
            - Math.max(region.sequences().from(), slots.from()));
  }

  private double passRows(Sweep sweep) {
    return (double) sweep.tokens() * plan.batch().sequences() / plan.batch().microBatches();
  }

  private void lookUps(Work work, Weight weight, double rows) {
    for (var region : plan.weights()) {
      if (region.weight() == weight && !region.home().equals(compute)) {
        double found = rows * region.rows().size() / shape.rows(weight);
        move(work, region.home(), compute, found * shape.rowBytes(weight, region.type()), found);
      }
    }
  }

  /**
   * @param from where the queries are
   */
  private void attend(Work work, KvRegion region, String from, Sweep sweep, Range slots) {
    double held = sweep.heldIn(region.tokens());
    double sequences = sequencesOf(region, slots);
    if (held == 0 || sequences == 0) {
      return;
    }
    double share = region.heads().size() / (double) shape.kvHeads();
    double tokenBytes =
        2.0 * sequences * region.heads().size() * plan.kvType().rowBytes(shape.headDim());
    double read = tokenBytes * held;
    if (!region.device().equals(region.attendAt())) {
      var manner = new Manner(isPageable(Buffer.Purpose.KV, region.device()), cached(region));
      move(work, region.device(), region.attendAt(), read, sequences, manner);
    }
    var at = plan.machine().device(region.attendAt());
    // Prompts are attended to whole: a part is read where one token is made.
    var part =
        sweep.prefill()
            ? new SparseRead(1, 1)
            : SparseRead.of(shape, plan.kvType(), at.kind(), region);
    double counted = KvWork.counted(plan.kvType(), shape.headDim());
    switch (at.kind()) {
      case GPU, HOST -> {
        double pairs = sweep.tokens() * held;
        add(
            work,
            "compute",
            at.name(),
            Speeds.attend(at, shape, plan.kvType(), sweep.tokens(), held)
                .map(
                    rate ->
                        4.0 * shape.queryWidth() * share * sequences * pairs * part.bytes() / rate)
                .orElseGet(
                    () ->
                        sweep.prefill()
                            ? 4.0
                                * shape.queryWidth()
                                * share
                                * sequences
                                * pairs
                                / at.rate(Rate.PREFILL_COMPUTE)
                            : read * part.bytes() * counted / at.rate(Rate.ATTENTION)));
        add(work, "bandwidth", at.name(), read * part.bytes() / at.rate(Rate.MEMORY_BANDWIDTH));
      }
      case CSD -> {
        int onFlash = FlashPages.whole((int) held, pageTokens());
        if (onFlash > 0) {
          double seconds = tokenBytes * onFlash * part.bytes() / at.rate(Rate.INTERNAL_READ);
          add(work, "internal", at.name(), seconds + Speeds.seconds(at, Rate.READ_TIME));
        }
        double attended = read * sweep.tokens() * part.engine() * counted * Speeds.group(shape);
        add(work, "compute", at.name(), attended / at.rate(Rate.ATTENTION));
        double rows = sweep.tokens() * sequences * share;
        move(work, from, at.name(), rows * F32 * shape.queryWidth(), 1);
        answer(work, at, from, rows * F32 * (shape.queryWidth() + 2.0 * shape.heads()));
      }
      case DISK -> throw new IllegalArgumentException(at.name() + " cannot attend");
    }
  }

  private void append(Work work, Step.Append append, Sweep sweep, Range slots) {
    var region = plan.kvRegion(append.region());
    double bytes =
        2.0
            * sequencesOf(region, slots)
            * region.heads().size()
            * plan.kvType().rowBytes(shape.headDim())
            * sweep.writtenTo(region.tokens());
    if (bytes > 0) {
      String from = plan.buffer(append.keys()).device();
      var device = plan.machine().device(region.device());
      boolean bySlot = cached(region) && device.curve(Measure.WRITE_CACHED).isPresent();
      double writes = bySlot ? sequencesOf(region, slots) : 1;
      move(work, from, region.device(), bytes, writes, new Manner(false, cached(region)));
      int held = sweep.heldIn(region.tokens());
      int page = pageTokens();
      if (device.kind() == DeviceKind.CSD
          && (held + sweep.writtenTo(region.tokens())) / page > held / page) {
        add(work, "write", device.name(), Speeds.seconds(device, Rate.PROGRAM_TIME));
      }
    }
  }

  private int pageTokens() {
    return FlashPages.tokens(plan.kvType(), shape.headDim());
  }

  /** What a load takes of the host's compute. */
  private void leak(Work work, DeviceSpec from) {
    var part = from.rates().get(Rate.SLOWS_HOST);
    if (part != null) {
      double reading = work.secondsOf(lane("read", from.name()));
      work.leak(lane("compute", host), part.value() * reading);
    }
  }

  /** Whether what a gpu copies from a device is not page-locked there. */
  private boolean isPageable(Buffer.Purpose purpose, String from) {
    return pageable.contains(purpose) && plan.machine().device(from).kind() == DeviceKind.HOST;
  }

  /** Copies move the rows of the pass, not the whole buffer. */
  private void copy(Work work, Step.Copy copy, Sweep sweep, Range slots) {
    var from = plan.buffer(copy.from());
    var to = plan.buffer(copy.to());
    double part = (double) slots.size() * sweep.tokens() / plan.batch().rowsPerPass();
    boolean head = copy.from().equals("last") || copy.from().equals("logits");
    move(work, from.device(), to.device(), from.bytes() * (head ? 1 : part), 1);
  }

  /** As {@code optimizer.cost.Transfers}: through the host's memory, but for a link of its own. */
  private void move(Work work, String from, String to, double bytes, double transfers) {
    move(work, from, to, bytes, transfers, Manner.PLAIN);
  }

  /**
   * How bytes move.
   *
   * @param staged whether the host's memory is pageable
   * @param cached whether a disk is read and written through the page cache
   */
  private record Manner(boolean staged, boolean cached) {
    static final Manner PLAIN = new Manner(false, false);
  }

  private boolean cached(KvRegion region) {
    return Speeds.cached(Footprint.sequenceBytes(shape, plan.kvType(), region));
  }

  private void move(
      Work work, String from, String to, double bytes, double transfers, Manner manner) {
    if (from.equals(to)) {
      passMemory(work, from, bytes);
      return;
    }
    var source = plan.machine().device(from);
    var target = plan.machine().device(to);
    boolean direct = plan.machine().link(from, to).isPresent();
    switch (source.kind()) {
      case DISK, CSD -> {
        storage(work, "read", source, Rate.READ, bytes, transfers, manner);
        if (direct) {
          link(work, from, to, bytes, transfers);
        } else {
          move(work, host, to, bytes, transfers, manner);
        }
      }
      case GPU, HOST -> {
        switch (target.kind()) {
          case DISK, CSD -> {
            if (direct) {
              link(work, from, to, bytes, transfers);
            } else {
              move(work, from, host, bytes, transfers, manner);
            }
            storage(work, "write", target, Rate.WRITE, bytes, transfers, manner);
          }
          case GPU, HOST -> {
            if (!direct && !from.equals(host) && !to.equals(host)) {
              move(work, from, host, bytes, transfers, manner);
              move(work, host, to, bytes, transfers, manner);
              return;
            }
            passMemory(work, from, bytes);
            if (manner.staged()) {
              String memory = source.kind() == DeviceKind.HOST ? from : to;
              passMemory(work, memory, Transfers.PAGEABLE_PASSES * bytes);
              link(work, from, to, bytes / Transfers.PAGEABLE_LINK, transfers);
            } else {
              link(work, from, to, bytes, transfers);
            }
            passMemory(work, to, bytes);
          }
        }
      }
    }
  }

  /** What a drive answers to a command, whose latency is counted already. */
  private void answer(Work work, DeviceSpec drive, String to, double bytes) {
    storage(work, "read", drive, Rate.READ, bytes, 0, Manner.PLAIN);
    if (plan.machine().link(drive.name(), to).isPresent()) {
      link(work, drive.name(), to, bytes, 1);
    } else {
      move(work, host, to, bytes, 1);
    }
  }

  private void storage(
      Work work,
      String verb,
      DeviceSpec device,
      Rate rate,
      double bytes,
      double transfers,
      Manner manner) {
    add(
        work,
        verb,
        device.name(),
        Speeds.storageSeconds(device, rate, bytes, transfers, manner.cached()));
  }

  private void link(Work work, String from, String to, double bytes, double transfers) {
    var link =
        plan.machine()
            .link(from, to)
            .orElseThrow(() -> new IllegalArgumentException("no link from " + from + " to " + to));
    add(
        work,
        "link",
        from + "->" + to,
        bytes / link.bytesPerSecond() + transfers * link.latencySeconds());
  }

  private void passMemory(Work work, String device, double bytes) {
    var spec = plan.machine().device(device);
    if (spec.kind() == DeviceKind.HOST || spec.kind() == DeviceKind.GPU) {
      add(work, "bandwidth", device, bytes / spec.rate(Rate.MEMORY_BANDWIDTH));
    }
  }

  private void add(Work work, String verb, String device, double seconds) {
    if (seconds > 0) {
      work.add(lane(verb, device), seconds);
      if (verb.equals("compute") && device.equals(host)) {
        for (var disk : slowed) {
          work.leak(lane("read", disk.name()), disk.rate(Rate.SLOWED_BY_HOST) * seconds);
        }
      }
    }
  }

  private int lane(String verb, String device) {
    return lanes.computeIfAbsent(
        verb + "(" + device + ")",
        name -> {
          laneNames.add(name);
          return laneNames.size() - 1;
        });
  }
}
