package dev.stowage.compiler.simulate;

import dev.stowage.compiler.simulate.Timeline.Lane;
import dev.stowage.compiler.simulate.Timeline.Memory;
import dev.stowage.compiler.simulate.Timeline.Point;
import dev.stowage.compiler.simulate.Timeline.Span;
import dev.stowage.compiler.simulate.Timeline.Stall;
import dev.stowage.compiler.simulate.Timeline.Window;
import dev.stowage.optimizer.Phase;
import dev.stowage.plan.Buffer;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.KvPages;
import dev.stowage.plan.Op;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.Step;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;

/**
 * A full block on a virtual clock.
 *
 * <ul>
 *   <li>Each stage has a compute lane and a clock of its own. The compute lane takes the steps of a
 *       sweep in the order of the schedule's word. Steps of devices with a lane of their own (the
 *       schedule's; with a gpu, all that is not computed on it) start as soon as their operands are
 *       there and run beside it.
 *   <li>A step waits for what it reads to be written, and for what it writes to be read.
 *   <li>Loads run ahead by the schedule's prefetch, through a ring of one slot more, across the
 *       sweeps; a sweep ends when all lanes are done, since its tokens are the next one's input.
 *       Until its weights are waited for, a load gives way: it moves while nothing else does. Where
 *       a host reads ahead, a product waits for its own rows only, and their room is free after it;
 *       else a stop waits for all it needs, and keeps it.
 *   <li>A resource works on one thing at a time, on what was given first; what comes later fills
 *       the gaps. A step that needs several resources is on all of them at once and ends with the
 *       last: a step of the compute lane waits for those that are not the compute device's.
 * </ul>
 */
public final class Simulator {
  private final ExecutablePlan plan;
  private final Schedule schedule;
  private final List<String> devices; // of the stages
  private final Pricing pricing;
  private final List<Integer> stops = new ArrayList<>(); // sections
  private final List<String> stopNames = new ArrayList<>();
  private final Bound[][] sections;
  private final int[] waits; // for every section, the first step that may wait for attention
  private final int flights;
  private final int[] flight; // of every micro-batch at its stop
  private final boolean[] usesLast; // of every micro-batch: no other uses its stop's loads after it
  private final int[] instances; // of every buffer
  private final boolean[] carried; // whether a buffer has a part for every micro-batch
  private final int[] word;
  private final Moments written;
  private final Moments read;
  private final List<Span> spans = new ArrayList<>();
  private final Map<Phase, Map<Integer, Double>> stalls = new EnumMap<>(Phase.class);
  private final List<Occupancy> lanes = new ArrayList<>();
  private final int[] stages; // of every stop
  private final double[] clocks; // of every stage's compute lane
  private final double[] forgotten; // nothing of a stage starts before it
  private final double[] stopBefore; // when a stage's last turn began
  private final Ring[] rings; // of every stage
  private int stage; // that the turn at hand is of
  private Phase phase = Phase.PREFILL;
  private double end; // of the work put on lanes last
  private double endOwn; // of what of it the compute device does itself
  private int endLane;
  private boolean recording;

  private Simulator(ExecutablePlan plan, Schedule schedule) {
    this.plan = plan;
    this.schedule = schedule;
    var computing = plan.stages();
    devices = computing.devices();
    pricing = new Pricing(plan, computing.first(), schedule.pageable());
    stages = plan.stagesOfStops();
    clocks = new double[devices.size()];
    forgotten = new double[clocks.length];
    stopBefore = new double[clocks.length];
    rings = new Ring[clocks.length];
    var buffers = new HashMap<String, Integer>();
    int microBatches = plan.batch().microBatches();
    instances = new int[plan.buffers().size()];
    carried = new boolean[instances.length];
    for (var buffer : plan.buffers()) {
      int number = buffers.size();
      instances[number] = buffer.instances();
      carried[number] =
          buffer.instances() >= microBatches
              && (buffer.name().equals(computing.own("hidden", buffer.device()))
                  || buffer.name().startsWith("waiting."));
      buffers.put(buffer.name(), number);
    }
    int parts = Arrays.stream(instances).max().orElse(1);
    written = new Moments(instances.length, Math.max(parts, microBatches));
    read = new Moments(instances.length, Math.max(parts, microBatches));
    flight = new int[microBatches];
    usesLast = new boolean[microBatches];
    flights = plan.buffer("attended").instances();
    sections = new Bound[plan.sections().size()][];
    waits = new int[sections.length];
    for (int s = 0; s < sections.length; s++) {
      var section = plan.sections().get(s);
      var at = devices.get(stages[stops.size()]);
      sections[s] =
          section.steps().stream()
              .map(step -> Bound.of(step, plan, schedule, at, buffers))
              .toArray(Bound[]::new);
      waits[s] = firstWait(sections[s]);
      for (int i = 0; i < section.repeats(); i++) {
        stops.add(s);
        stopNames.add(
            section.layers().isEmpty() ? section.name() : "layer " + (section.layers().from() + i));
      }
    }
    word = schedule.word(stages, plan.batch().microBatches());
  }

  /** The first step that reads what one beside the compute lane has written, or their number. */
  private static int firstWait(Bound[] steps) {
    var beside = new HashSet<Integer>();
    for (int i = 0; i < steps.length; i++) {
      if (!steps[i].beside()
          && Arrays.stream(steps[i].reads()).anyMatch(beside::contains)
          && steps[i].label().equals("merge")) {
        return i;
      }
      if (steps[i].beside() && steps[i].writes() >= 0) {
        beside.add(steps[i].writes());
      }
    }
    return steps.length;
  }

  /**
   * @param plan one that passes the verifier, for a machine with all rates
   */
  public static Timeline simulate(ExecutablePlan plan, Schedule schedule) {
    return new Simulator(plan, schedule).run();
  }

  private Timeline run() {
    var sweeps = Sweep.of(plan.batch());
    int prefills = (int) sweeps.stream().filter(Sweep::prefill).count();
    int decodes = sweeps.size() - prefills;
    for (int i = 0; i < rings.length; i++) {
      rings[i] = new Ring(i);
    }
    var windows = new ArrayList<Window>();
    var ends = new double[sweeps.size()];
    double[] prefillBusy = {};
    double prefillEnd = 0;
    for (int i = 0; i < sweeps.size(); i++) {
      var sweep = sweeps.get(i);
      recording = i == 0 || i == prefills + decodes / 2;
      double start = clocks[0];
      sweep(sweep);
      double now = clocks[0];
      ends[i] = now;
      if (recording) {
        windows.add(
            new Window(
                sweep.prefill()
                    ? "prefill sweep %d of %d".formatted(i + 1, prefills)
                    : "decode sweep %d of %d".formatted(i - prefills + 1, decodes),
                start,
                now,
                spans));
        spans.clear();
      }
      if (i == prefills - 1) {
        prefillEnd = now;
        prefillBusy = lanes.stream().mapToDouble(Occupancy::busySeconds).toArray();
      }
    }
    double now = clocks[0];
    double tokens = (double) plan.batch().sequences() * plan.batch().generateTokens();
    return new Timeline(
        prefillEnd,
        now - prefillEnd,
        now > 0 ? tokens / now : 0,
        lanes(prefillBusy),
        stalls(),
        windows,
        memory(sweeps, ends));
  }

  // -- one sweep

  private void sweep(Sweep sweep) {
    var works = works(sweep);
    var at = new int[plan.batch().microBatches()];
    phase = sweep.prefill() ? Phase.PREFILL : Phase.DECODE;
    var loadedStop = new int[rings.length];
    Arrays.fill(loadedStop, -1);
    int waiting = -1; // the micro-batch that has begun a stop and waits
    for (int letter = 0; letter < word.length; letter++) {
      int microBatch = word[letter];
      int stop = at[microBatch];
      if (waiting >= 0 && (flights == 1 || at[waiting] != stop + 1)) {
        finish(works, waiting, at[waiting] - 1);
        waiting = -1;
      }
      at[microBatch]++;
      stage = stages[stop];
      var ring = rings[stage];
      if (ring.loads(stop) && stop != loadedStop[stage]) {
        if (loadedStop[stage] >= 0) {
          ring.release();
        }
        loadedStop[stage] = stop;
        ring.acquire(stop);
      }
      usesLast[microBatch] = ring.usesLast(letter);
      forget();
      int section = stops.get(stop);
      flight[microBatch] = waiting >= 0 ? 1 - flight[waiting] : 0;
      steps(works[section][microBatch], 0, waits[section], microBatch, stop);
      if (waiting >= 0) {
        finish(works, waiting, stop);
      }
      waiting = microBatch;
    }
    if (waiting >= 0) {
      finish(works, waiting, at[waiting] - 1);
    }
    for (stage = 0; stage < rings.length; stage++) {
      if (loadedStop[stage] >= 0) {
        rings[stage].release();
      }
    }
    stage = rings.length - 1; // whose logits the next sweep begins with
    waitFor(written.last(), written.lastLane());
    waitFor(read.last(), read.lastLane());
    Arrays.fill(clocks, Arrays.stream(clocks).max().orElseThrow());
  }

  /** A copy may run ahead by a stop, nothing by more. */
  private void forget() {
    forgotten[stage] = stopBefore[stage];
    stopBefore[stage] = clocks[stage];
    double before = Arrays.stream(forgotten).min().orElseThrow();
    for (var ring : rings) {
      before = Math.min(before, ring.oldest());
    }
    double gone = before;
    lanes.forEach(lane -> lane.forget(gone));
  }

  private void finish(Work[][][] works, int microBatch, int stop) {
    int section = stops.get(stop);
    stage = stages[stop];
    steps(works[section][microBatch], waits[section], sections[section].length, microBatch, stop);
  }

  private void steps(Work[] works, int from, int to, int microBatch, int stop) {
    var ring = rings[stage];
    for (int i = from; i < to; i++) {
      int load = ring.loadOf(stop, i);
      if (load >= 0) {
        ring.await(load);
      }
      step(sections[stops.get(stop)][i], works[i], microBatch, stop);
      if (load >= 0 && usesLast[microBatch]) {
        ring.free(load);
      }
    }
  }

  private Work[][][] works(Sweep sweep) {
    var works = new Work[sections.length][plan.batch().microBatches()][];
    for (int section = 0; section < works.length; section++) {
      for (int microBatch = 0; microBatch < works[section].length; microBatch++) {
        var slots = plan.batch().slots(microBatch);
        works[section][microBatch] =
            Arrays.stream(sections[section])
                .map(bound -> pricing.price(bound.step(), sweep, slots))
                .toArray(Work[]::new);
      }
    }
    return works;
  }

  private void step(Bound bound, Work work, int microBatch, int stop) {
    if (bound.step() instanceof Step.Load) {
      return; // the ring's
    }
    if (bound.beside()) {
      // a copy may run ahead of the compute lane, other work is given to its lane in order
      double ready = bound.step() instanceof Step.Copy ? 0 : clocks[stage];
      for (int buffer : bound.reads()) {
        ready = Math.max(ready, written.seconds(buffer, part(buffer, microBatch)));
      }
      if (bound.writes() >= 0) {
        int part = part(bound.writes(), microBatch);
        ready = Math.max(ready, written.seconds(bound.writes(), part));
        ready = Math.max(ready, read.seconds(bound.writes(), part));
      }
      occupy(work, ready, bound.label(), microBatch, stop);
    } else {
      for (int buffer : bound.reads()) {
        waitFor(written, buffer, microBatch);
      }
      if (bound.writes() >= 0) {
        waitFor(written, bound.writes(), microBatch);
        waitFor(read, bound.writes(), microBatch);
      }
      occupy(work, clocks[stage], bound.label(), microBatch, stop);
      if (endOwn < end) {
        stall(endLane, end - endOwn);
      }
      clocks[stage] = end;
    }
    for (int buffer : bound.reads()) {
      read.set(buffer, part(buffer, microBatch), end, endLane);
    }
    if (bound.writes() >= 0) {
      written.set(bound.writes(), part(bound.writes(), microBatch), end, endLane);
    }
  }

  /** The part of a buffer that a micro-batch uses at its stop. */
  private int part(int buffer, int microBatch) {
    return carried[buffer] ? microBatch : flight[microBatch] % instances[buffer];
  }

  /** Puts work on its lanes, from a moment on; {@code end} is when the last of it ends. */
  private void occupy(Work work, double from, String what, int microBatch, int stop) {
    put(work, Math.max(from, forgotten[stage]), what, microBatch, stop);
  }

  private void put(Work work, double start, String what, int microBatch, int stop) {
    end = start;
    endOwn = start;
    endLane = -1;
    for (int i = 0; i < work.count(); i++) {
      int lane = work.lane(i);
      var occupancy = lane(lane);
      double done = occupancy.add(start, work.seconds(i));
      if (pricing.computes(lane, devices.get(stage))) {
        endOwn = Math.max(endOwn, done);
      }
      if (done > end) {
        end = done;
        endLane = lane;
      }
      if (recording) {
        for (var piece : occupancy.added()) {
          spans.add(
              new Span(
                  pricing.lanes().get(lane),
                  what,
                  microBatch,
                  stopNames.get(stop),
                  piece.start(),
                  piece.end()));
        }
      }
    }
    if (work.leaked() != null && schedule.prefetch() > 0) {
      leak(work.leaked(), start);
    }
  }

  /** Takes of other lanes what work leaks to them; nobody waits for that. */
  private void leak(Work leaked, double start) {
    for (int i = 0; i < leaked.count(); i++) {
      lane(leaked.lane(i)).take(start, leaked.seconds(i));
    }
  }

  private Occupancy lane(int number) {
    while (number >= lanes.size()) {
      lanes.add(new Occupancy());
    }
    return lanes.get(number);
  }

  private void waitFor(Moments moments, int buffer, int microBatch) {
    int part = part(buffer, microBatch);
    waitFor(moments.seconds(buffer, part), moments.lane(buffer, part));
  }

  private void waitFor(double seconds, int lane) {
    if (seconds > clocks[stage]) {
      stall(lane, seconds - clocks[stage]);
      clocks[stage] = seconds;
    }
  }

  private void stall(int lane, double seconds) {
    stalls.computeIfAbsent(phase, any -> new HashMap<>()).merge(lane, seconds, Double::sum);
  }

  // -- weights that are loaded

  /**
   * Loads of a stage's stops in the order they are used, sweep after sweep, through its ring's
   * slots.
   */
  private final class Ring {
    private final Work[][] works = new Work[sections.length][]; // of every section's loads
    private final double[][] room = new double[sections.length][]; // where in the slot each ends
    private final int[][] loadOf = new int[sections.length][]; // of every step; -1 for none
    private final boolean[] usesLast = new boolean[word.length];
    private final int of; // the stage
    private final boolean byLoads;
    private final ArrayDeque<Freed> freed = new ArrayDeque<>();
    private double slotBytes;
    private long entry = -1; // the one at hand, counted over all sweeps
    private int stop; // that it is loaded for
    private int came; // how many of its loads have been waited for

    /** Room in front of a position is free from a moment on; each entry counts a slot's bytes. */
    private record Freed(double position, double seconds) {}

    Ring(int ofStage) {
      of = ofStage;
      byLoads = schedule.prefetch() > 0 && !Bound.onGpu(plan, devices.get(ofStage));
      for (int section = 0; section < sections.length; section++) {
        boolean here = stages[stops.indexOf(section)] == of;
        var loads =
            Arrays.stream(sections[section])
                .map(Bound::step)
                .filter(step -> here && step instanceof Step.Load)
                .map(Step.Load.class::cast)
                .toList();
        var first = Sweep.of(plan.batch()).getFirst();
        works[section] =
            loads.stream()
                .map(load -> pricing.price(load, first, plan.batch().slots(0)))
                .toArray(Work[]::new);
        room[section] = new double[loads.size()];
        double end = 0;
        for (int i = 0; i < loads.size(); i++) {
          end += bytes(loads.get(i));
          room[section][i] = end;
        }
        slotBytes = Math.max(slotBytes, end);
        loadOf[section] =
            Arrays.stream(sections[section])
                .mapToInt(bound -> byLoads ? serving(loads, bound.step()) : -1)
                .toArray();
      }
      findLastUses();
    }

    private double bytes(Step.Load load) {
      return (double) load.rows().size() * plan.shape().rowBytes(load.weight(), load.type());
    }

    private static int serving(List<Step.Load> loads, Step step) {
      if (step instanceof Step.Compute(Op.MatMul(var weight, var rows), _, _, _)) {
        for (int i = 0; i < loads.size(); i++) {
          if (loads.get(i).weight() == weight && loads.get(i).rows().contains(rows)) {
            return i;
          }
        }
      }
      return -1;
    }

    /** Neighbouring letters at one stop share its loads; the last of them frees their room. */
    private void findLastUses() {
      var at = new int[plan.batch().microBatches()];
      int last = -1;
      int loadedStop = -1;
      for (int letter = 0; letter < word.length; letter++) {
        int stop = at[word[letter]]++;
        if (loads(stop)) {
          if (stop != loadedStop && last >= 0) {
            usesLast[last] = true;
          }
          loadedStop = stop;
          last = letter;
        }
      }
      if (last >= 0) {
        usesLast[last] = true;
      }
    }

    boolean loads(int stop) {
      return works[stops.get(stop)].length > 0;
    }

    boolean usesLast(int letter) {
      return usesLast[letter];
    }

    /** The load that a step waits for by itself; -1 for none. */
    int loadOf(int stop, int step) {
      return loadOf[stops.get(stop)][step];
    }

    /** Goes on to a stop's loads. */
    void acquire(int stop) {
      this.stop = stop;
      entry++;
      came = 0;
      if (!byLoads) {
        awaitAll();
      }
    }

    /** Waits for a load: what it and those before it have had no time for is given to the lanes. */
    void await(int load) {
      for (; came <= load; came++) {
        int section = stops.get(stop);
        put(works[section][came], since(room[section][came]), "load", -1, stop);
        waitFor(end, endLane);
      }
    }

    private void awaitAll() {
      await(works[stops.get(stop)].length - 1);
    }

    /** The room of a load and those before it is free again. */
    void free(int load) {
      freed.add(new Freed(entry * slotBytes + room[stops.get(stop)][load], clocks[stage]));
    }

    /** All of the slot is free again. */
    void release() {
      awaitAll();
      freed.add(new Freed((entry + 1) * slotBytes, clocks[stage]));
    }

    /** Since when a load of the entry at hand has room, up to so many bytes of its slot. */
    private double since(double end) {
      double position = (entry - schedule.prefetch() - 1) * slotBytes + end;
      while (!freed.isEmpty() && freed.peek().position() < position) {
        freed.poll();
      }
      return position <= 0 ? 0 : freed.element().seconds();
    }

    /** No load that has not been given to the lanes has room earlier. */
    double oldest() {
      if (slotBytes == 0) {
        return Double.POSITIVE_INFINITY;
      }
      return entry <= schedule.prefetch() || freed.isEmpty() ? 0 : freed.peek().seconds();
    }
  }

  // -- what is told

  private List<Lane> lanes(double[] prefillBusy) {
    var all = new ArrayList<Lane>();
    for (int i = 0; i < lanes.size(); i++) {
      double prefill = i < prefillBusy.length ? prefillBusy[i] : 0;
      double busy = lanes.get(i).busySeconds();
      if (busy > 0) {
        all.add(new Lane(pricing.lanes().get(i), prefill, busy - prefill));
      }
    }
    all.sort(Comparator.comparing(Lane::name));
    return all;
  }

  private List<Stall> stalls() {
    var all = new ArrayList<Stall>();
    stalls.forEach(
        (phase, byLane) ->
            byLane.forEach(
                (lane, seconds) ->
                    all.add(new Stall(phase.word(), pricing.lanes().get(lane), seconds))));
    all.sort(
        Comparator.comparingDouble((Stall stall) -> -stall.seconds())
            .thenComparing(Stall::phase)
            .thenComparing(Stall::waitedFor));
    return all;
  }

  private List<Memory> memory(List<Sweep> sweeps, double[] ends) {
    var memory = new ArrayList<Memory>();
    for (var device : plan.machine().devices()) {
      long reserved = plan.bytesOn(device.name());
      if (reserved == 0) {
        continue;
      }
      long kv =
          plan.buffers().stream()
              .filter(b -> b.device().equals(device.name()) && b.purpose() == Buffer.Purpose.KV)
              .mapToLong(Buffer::totalBytes)
              .sum();
      var points = new ArrayList<Point>();
      points.add(new Point(0, reserved - kv));
      if (kv > 0) {
        for (int i = 0; i < ends.length; i++) {
          points.add(new Point(ends[i], reserved - kv + filled(device.name(), sweeps.get(i))));
        }
      }
      memory.add(new Memory(device.name(), reserved, device.usableBytes(), points));
    }
    return memory;
  }

  /**
   * Bytes of the KV cache on a device that a sweep leaves filled: all of them where sequences of
   * all ages share them.
   */
  private long filled(String device, Sweep sweep) {
    long bytes = 0;
    for (var region : plan.kv()) {
      if (region.device().equals(device)) {
        long whole = region.bytes(plan.shape().headDim(), plan.kvType());
        int there = sweep.heldIn(region.tokens()) + sweep.writtenTo(region.tokens());
        bytes +=
            plan.pages(region)
                .map(KvPages::capacityBytes)
                .orElse(Math.round((double) whole * there / region.tokens().size()));
      }
    }
    return bytes;
  }
}
