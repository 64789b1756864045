package dev.stowage.compiler.explain;

import dev.stowage.compiler.Compilation;
import dev.stowage.optimizer.advice.Advice;
import dev.stowage.plan.Asked;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.LinkSpec;
import dev.stowage.plan.Origin;
import dev.stowage.plan.Prediction;
import dev.stowage.plan.Schedule;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * All there is to say of a plan. Bytes and seconds are of one full block.
 *
 * @param plan its name
 * @param shares what was asked, planned and realised
 * @param devices all of the machine, in the order written, used or not
 * @param processBytes what the process that runs it holds at most beside all that
 * @param layers where rows and KV of each stop of the model lie, from the embedding to the head
 * @param notes what the compiler has to say of the source; empty for a bare plan
 * @param solution what only the optimizer knows; empty for a bare plan
 * @param simulation a block on a virtual clock; empty where none was asked for
 * @param measured a run of this plan; empty where none was given
 */
public record Explanation(
    String plan,
    Model model,
    BatchShape batch,
    List<Asked> shares,
    List<Device> devices,
    long processBytes,
    List<LinkSpec> links,
    List<Layer> layers,
    Timing schedule,
    Prediction predicted,
    List<Note> notes,
    Optional<Solution> solution,
    Optional<Simulation> simulation,
    Optional<Measured> measured) {
  public Explanation {
    Objects.requireNonNull(plan);
    Objects.requireNonNull(model);
    Objects.requireNonNull(batch);
    shares = List.copyOf(shares);
    devices = List.copyOf(devices);
    links = List.copyOf(links);
    layers = List.copyOf(layers);
    Objects.requireNonNull(schedule);
    Objects.requireNonNull(predicted);
    notes = List.copyOf(notes);
    Objects.requireNonNull(solution);
    Objects.requireNonNull(simulation);
    Objects.requireNonNull(measured);
  }

  /** Of what was just compiled. */
  public static Explanation of(Compilation.Compiled compiled) {
    return new Explaining(compiled.plan(), compiled.schedule()).with(compiled);
  }

  /** Of a plan alone. */
  public static Explanation of(ExecutablePlan plan, Schedule schedule) {
    return new Explaining(plan, schedule).alone();
  }

  /** The same beside a run of the plan. */
  public Explanation with(Measured run) {
    return with(solution, simulation, Optional.of(run));
  }

  /** The same with advice, where it says what the optimizer knows. */
  public Explanation with(Advice advice) {
    return with(solution.map(s -> s.with(advice)), simulation, measured);
  }

  /** The same beside a block on a virtual clock. */
  public Explanation with(Simulation block) {
    return with(solution, Optional.of(block), measured);
  }

  private Explanation with(
      Optional<Solution> known, Optional<Simulation> block, Optional<Measured> run) {
    return new Explanation(
        plan,
        model,
        batch,
        shares,
        devices,
        processBytes,
        links,
        layers,
        schedule,
        predicted,
        notes,
        known,
        block,
        run);
  }

  /** Whether an emulated drive takes part: what it yields is simulated. */
  public boolean emulated() {
    return devices.stream().anyMatch(device -> device.emulated() && device.plannedBytes() > 0);
  }

  /** The predicted time of a block. */
  public double blockSeconds() {
    return predicted.prefillSeconds() + predicted.decodeSeconds();
  }

  /** The device of that name. */
  public Optional<Device> device(String name) {
    return devices.stream().filter(device -> device.name().equals(name)).findFirst();
  }

  /**
   * @param source the folder as written, or the name of a shape
   * @param shapeOnly whether there are no weights: such a plan can be solved, not run
   * @param weightBytes of all matrices and vectors, as the model stores them
   */
  public record Model(
      String source,
      boolean shapeOnly,
      int layers,
      long weightBytes,
      String weightType,
      String kvType) {}

  /**
   * What a device holds.
   *
   * @param capacityBytes all of it
   * @param reserveBytes what the plan leaves untouched
   */
  public record Device(
      String name,
      DeviceKind kind,
      boolean emulated,
      long capacityBytes,
      long reserveBytes,
      long weightBytes,
      long kvBytes,
      long activationBytes,
      long workingBytes,
      List<RateOf> rates) {
    public Device {
      rates = List.copyOf(rates);
    }

    public long usableBytes() {
      return capacityBytes - reserveBytes;
    }

    public long plannedBytes() {
      return weightBytes + kvBytes + activationBytes + workingBytes;
    }

    public long freeBytes() {
      return usableBytes() - plannedBytes();
    }

    /** {@code csd, emulated}. */
    public String kindInWords() {
      return kind.word() + (emulated ? ", emulated" : "");
    }
  }

  /**
   * A rate the prediction may rest on.
   *
   * @param unit {@code B/s}, {@code FLOP/s} or {@code s}
   */
  public record RateOf(String name, double value, String unit, Origin origin) {}

  /**
   * A stop of the model.
   *
   * @param name {@code embed}, a layer's number, or {@code head}
   * @param weights bytes of its matrices by device
   * @param kv bytes of its keys and values by device, when every sequence is at its longest
   */
  public record Layer(String name, List<Part> weights, List<Part> kv) {
    public Layer {
      weights = List.copyOf(weights);
      kv = List.copyOf(kv);
    }
  }

  /** So many bytes on a device. */
  public record Part(String device, long bytes) {}

  /**
   * @param order {@code zig-zag}, {@code row by row}, {@code a pipeline}, {@code diagonal} or
   *     {@code an order of its own}; of several gpus, with the layers of each
   * @param prefetch stops whose weights may be loaded ahead
   * @param lanes devices that work beside the compute lane
   * @param held what KV regions take in which sequences of all ages share room; empty if there are
   *     none
   */
  public record Timing(String order, int prefetch, List<String> lanes, Optional<HeldKv> held) {
    public Timing {
      lanes = List.copyOf(lanes);
    }
  }

  /**
   * @param bytes set aside
   * @param wholeBytes what all sequences take at their longest together
   */
  public record HeldKv(long bytes, long wholeBytes) {}

  /**
   * @param severity {@code error}, {@code warning} or {@code info}
   * @param file the file's name, without its folder
   */
  public record Note(String severity, String code, String file, int line, String message) {}

  /**
   * What the optimizer says of its answer.
   *
   * @param busy seconds of every resource that works, by phase
   * @param prices of the limits that bind
   * @param candidates batch shapes that were solved and fit, the best first
   * @param boundSeconds what no division into fractions goes below at the chosen batch shape
   * @param programs linear programs that were solved
   * @param advice what would make the plan faster; empty where it was not asked for
   */
  public record Solution(
      List<Busy> busy,
      List<Price> prices,
      List<Candidate> candidates,
      double boundSeconds,
      int programs,
      Optional<Advice> advice) {
    public Solution {
      busy = List.copyOf(busy);
      prices = List.copyOf(prices);
      candidates = List.copyOf(candidates);
      Objects.requireNonNull(advice);
    }

    Solution with(Advice given) {
      return new Solution(busy, prices, candidates, boundSeconds, programs, Optional.of(given));
    }
  }

  /**
   * A resource's work for a block.
   *
   * @param phase {@code prefill} or {@code decode}
   * @param resource such as {@code read(ssd)}
   * @param binding whether the phase lasts as long as it does because of this resource
   */
  public record Busy(String phase, String resource, double seconds, boolean binding) {}

  /**
   * What one more unit of a limit is worth; holds near this plan and at its batch shape only.
   *
   * @param limit such as {@code memory(ram)}
   * @param unit one more of which: {@code GiB}, {@code share} or {@code s}
   * @param secondsPerUnit how the block's time changes
   * @param tokensPerSecondPerUnit how the throughput changes, to first order
   * @param statements the author's own, which set the limit; empty where the machine does
   */
  public record Price(
      String limit,
      String unit,
      double secondsPerUnit,
      double tokensPerSecondPerUnit,
      List<Statement> statements) {
    public Price {
      statements = List.copyOf(statements);
    }
  }

  /**
   * @param file the file's name, without its folder, or {@code lib:maker/name}
   * @param text in the author's words
   */
  public record Statement(String file, int line, String text) {}

  /**
   * A batch shape that was looked at.
   *
   * @param blockSeconds before rounding
   * @param throughputTokensPerSecond generated tokens over that time
   * @param chosen whether it is the plan's
   */
  public record Candidate(
      BatchShape batch,
      String kvType,
      int prefetch,
      double blockSeconds,
      double throughputTokensPerSecond,
      boolean chosen) {}
}
