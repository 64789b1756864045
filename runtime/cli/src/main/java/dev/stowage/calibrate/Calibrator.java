package dev.stowage.calibrate;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.Origin;
import dev.stowage.plan.Rate;
import dev.stowage.plan.RateCurve;
import dev.stowage.plan.RateCurve.Measure;
import dev.stowage.plan.RateValue;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.plan.text.Amount;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.kernel.KernelSelection;
import dev.stowage.runtime.parallel.WorkerPool;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Measures this machine: kernels beside whole small models, then a disk.
 *
 * @param disk the folder whose disk is measured; its scratch files are removed
 * @param memoryBytes all memory there is
 * @param availableBytes what of it plans may use
 * @param say progress, a line at a time
 * @param stop whether the user wants it to end
 */
public record Calibrator(
    Path disk,
    Effort effort,
    int threads,
    long memoryBytes,
    long availableBytes,
    LocalDate date,
    Consumer<String> say,
    BooleanSupplier stop) {
  /** A part by which the reference may be off where times count. */
  private static final double DRIFT = 0.15;

  /** Of a disk's free space, what plans may use; and of that, what scratch files may. */
  private static final double SHARE = 0.9;

  /** What reads and products take of each other counts from here on: less is chance. */
  private static final double LEAST_LEAK = 0.01;

  private static final LongSupplier CLOCK = System::nanoTime;
  private static final double DISK_PART = 1.0 / 4;

  /** A calibration with the effort of an ordinary run, or of one that ends under a minute. */
  public Calibrator(
      Path disk,
      boolean quick,
      int threads,
      long memoryBytes,
      long availableBytes,
      LocalDate date,
      Consumer<String> say,
      BooleanSupplier stop) {
    this(
        disk,
        quick ? Effort.QUICK : Effort.FULL,
        threads,
        memoryBytes,
        availableBytes,
        date,
        say,
        stop);
  }

  /**
   * Runs the whole calibration; under a minute where it is quick.
   *
   * @throws CalibrationException if this machine cannot be measured, or the user ends it
   */
  public Calibration run() {
    Path scratch = null;
    try {
      scratch = scratch();
      return run(scratch);
    } catch (IOException | UncheckedIOException | ModelFormatException | DeviceException e) {
      throw new CalibrationException(
          "%s cannot be measured: %s".formatted(disk, e.getMessage()), e);
    } finally {
      if (scratch != null) {
        remove(scratch);
      }
    }
  }

  private Path scratch() throws IOException {
    if (!Files.isDirectory(disk)) {
      throw new CalibrationException("%s is no folder".formatted(disk));
    }
    long needed = DiskPieces.scratchBytes(effort.diskRows()) + (64L << 20);
    long free = Files.getFileStore(disk).getUsableSpace();
    if (needed > SHARE * free) {
      throw new CalibrationException(
          "%s has %s free, and measuring it takes %s for a while"
              .formatted(disk, Amount.bytes(free), Amount.bytes(needed)));
    }
    return Files.createTempDirectory(disk, "stowage-calibrate-");
  }

  private Calibration run(Path scratch) throws IOException, ModelFormatException {
    var outcomes = new ArrayList<Rounds.Outcome>();
    var notes = new ArrayList<String>();
    try (var pool = new WorkerPool(threads);
        var arena = Arena.ofShared()) {
      var selection = KernelSelection.best(pool);
      notes.add("Kernels: " + selection.kernels().description() + ".");
      var kernels =
          new KernelPieces(
              selection.kernels(),
              arena,
              effort.side(),
              effort.warmSeconds(),
              effort.timedSeconds());
      var host = host(scratch, kernels, outcomes, notes);
      var measuredDisk = Optional.of(disk(scratch, selection, kernels, outcomes, notes));
      boolean steady = outcomes.stream().allMatch(Rounds.Outcome::steady);
      notes.add(drift(outcomes, steady));
      return new Calibration(date, host, measuredDisk, notes, steady);
    }
  }

  /** What the guard has to tell. */
  static String drift(List<Rounds.Outcome> outcomes, boolean steady) {
    int discarded = outcomes.stream().mapToInt(Rounds.Outcome::discarded).sum();
    int stretches = outcomes.stream().mapToInt(Rounds.Outcome::stretches).sum();
    double drift = outcomes.stream().mapToDouble(Rounds.Outcome::drift).max().orElse(0);
    return steady
        ? Amount.format(
            "Drift guard: %d stretches, %d of them left out; in those that count the reference stayed within %s.",
            stretches, discarded, Amount.percent(drift))
        : Amount.format(
            "Drift guard: NOT STEADY. The reference was off by more than %s in %d of %d stretches, by up to %s in all: measure again when the machine is quiet.",
            Amount.percent(DRIFT),
            discarded,
            stretches,
            Amount.percent(outcomes.stream().mapToDouble(Rounds.Outcome::worst).max().orElse(0)));
  }

  /** Which points were in doubt, if any, and which still are. */
  static Optional<String> doubt(Rounds.Outcome outcome) {
    if (outcome.again().isEmpty()) {
      return Optional.empty();
    }
    String kept =
        outcome.doubtful().isEmpty()
            ? "all are in line now"
            : "still out of line, and kept: " + String.join(", ", outcome.doubtful());
    return Optional.of(
        "Points out of line with their neighbours, timed once more: %d; %s."
            .formatted(outcome.again().size(), kept));
  }

  // -- the host

  /** Kernels and whole models take turns, so that a slow minute is in both. */
  private DeviceSpec host(
      Path scratch, KernelPieces kernels, List<Rounds.Outcome> outcomes, List<String> notes)
      throws IOException, ModelFormatException {
    say.accept("measuring kernels and small models");
    try (var models =
        ModelPieces.open(
            Files.createDirectory(scratch.resolve("models")),
            platform(host(List.of(), Map.of())),
            effort.models(),
            threads,
            effort.modelWarmSeconds())) {
      var pieces = new ArrayList<Piece>(kernels.pieces());
      pieces.addAll(models.pieces());
      var outcome =
          rounds(effort.rounds(), 1 - DISK_PART)
              .time(pieces, kernels.reference(), KernelPieces::doubtful);
      outcomes.add(outcome);
      doubt(outcome).ifPresent(notes::add);
      var seconds = outcome.seconds();
      notes.add(
          Amount.format("Copies within memory: %.1f GB/s.", KernelPieces.copyRate(seconds) / 1e9));
      var curves = kernels.curves(seconds);
      var rates = rates(curves);
      rates.put(Rate.ELEMENTWISE, KernelPieces.measured(KernelPieces.elementwiseRate(seconds)));
      double productLatency = HostFile.rounded(KernelPieces.productLatency(seconds));
      if (productLatency > 0) {
        rates.put(Rate.PRODUCT_LATENCY, KernelPieces.measured(productLatency));
      }
      var runs = models.runs(seconds, platform(host(curves, rates)));
      var fit = Fit.of(runs);
      if (fit.passLatency() > 0) {
        rates.put(
            Rate.PASS_LATENCY, new RateValue(HostFile.rounded(fit.passLatency()), Origin.FITTED));
      }
      notes.add(
          Amount.format(
              "Fit to %d phases of small models: off by %s of their time, root mean square.",
              runs.size(), Amount.percent(fit.error(runs))));
      return host(curves, rates);
    }
  }

  private String platform(DeviceSpec host) {
    return HostFile.text(new Calibration(date, host, Optional.empty(), List.of(), true));
  }

  private static Map<Rate, RateValue> rates(List<RateCurve> curves) {
    var rates = new EnumMap<Rate, RateValue>(Rate.class);
    var single = curve(curves, Measure.MATMUL, ElementType.F32);
    rates.put(Rate.MEMORY_BANDWIDTH, KernelPieces.measured(readRate(curves)));
    rates.put(Rate.PREFILL_COMPUTE, KernelPieces.measured(single.at(256)));
    rates.put(Rate.DECODE_COMPUTE, KernelPieces.measured(single.at(4)));
    // An F16 cache is read at a byte a FLOP: two FLOPs of scores and two of sums for two numbers.
    rates.put(
        Rate.ATTENTION,
        KernelPieces.measured(curve(curves, Measure.ATTEND, ElementType.F16).at(512)));
    return rates;
  }

  private DeviceSpec host(List<RateCurve> curves, Map<Rate, RateValue> rates) {
    long memory = mebibytes(memoryBytes);
    long usable = Math.min(memory, mebibytes((long) (SHARE * availableBytes)));
    return new DeviceSpec(
        "ram", DeviceKind.HOST, memory, memory - usable, Optional.empty(), false, rates, curves);
  }

  /** The most bytes a second that a product of one row reads from memory. */
  private static double readRate(List<RateCurve> curves) {
    return curves.stream()
        .filter(curve -> curve.measure() == Measure.MATMUL)
        .mapToDouble(
            curve -> {
              var type = curve.type().orElseThrow();
              double bytesPerFlop = type.rowBytes(ElementType.GROUP) / (2.0 * ElementType.GROUP);
              return curve.at(1) * bytesPerFlop;
            })
        .max()
        .orElseThrow();
  }

  private static RateCurve curve(List<RateCurve> curves, Measure measure) {
    return curves.stream().filter(c -> c.measure() == measure).findFirst().orElseThrow();
  }

  private static RateCurve curve(List<RateCurve> curves, Measure measure, ElementType type) {
    return curves.stream()
        .filter(c -> c.measure() == measure && c.type().equals(Optional.of(type)))
        .findFirst()
        .orElseThrow();
  }

  private static long mebibytes(long bytes) {
    return bytes >> 20 << 20;
  }

  // -- the disk

  private DeviceSpec disk(
      Path scratch,
      KernelSelection<?> selection,
      KernelPieces kernels,
      List<Rounds.Outcome> outcomes,
      List<String> notes)
      throws IOException, ModelFormatException {
    say.accept("measuring the disk of " + disk);
    long free = Files.getFileStore(disk).getUsableSpace();
    Rounds.Outcome outcome;
    try (var pieces =
        DiskPieces.open(
            scratch, selection.kernels(), effort.diskRows(), 5 * effort.timedSeconds())) {
      pieces
          .readTwice(disk, DiskPieces.scratchBytes(effort.diskRows()))
          .map(ReadTwice::note)
          .ifPresentOrElse(
              notes::add,
              () ->
                  notes.add(
                      "Rates of reading are those of reading again, as every step does; no model lies in the disk's folder to tell what reading one first takes."));
      var all = new ArrayList<Piece>(pieces.pieces());
      all.addAll(pieces.beside(kernels.reference()));
      outcome = rounds(effort.rounds(), DISK_PART).time(all, kernels.reference());
    }
    outcomes.add(outcome);
    notes.add(
        Amount.format(
            "Weights are read two at a time; four reads of 1 MiB at once: %.2f GB/s.",
            DiskPieces.togetherRate(outcome.seconds()) / 1e9));
    var curves = DiskPieces.curves(outcome.seconds());
    var reads = curve(curves, Measure.READ);
    var writes = curve(curves, Measure.WRITE);
    long small = Footprint.DIRECT_BYTES; // smaller loads come from the page cache
    double rate = reads.at(reads.points().lastKey());
    var rates = new EnumMap<Rate, RateValue>(Rate.class);
    rates.put(Rate.READ, KernelPieces.measured(rate));
    rates.put(Rate.WRITE, KernelPieces.measured(writes.at(writes.points().lastKey())));
    double latency = Math.max(1e-7, small / reads.at(small) - small / rate);
    rates.put(Rate.LATENCY, new RateValue(HostFile.rounded(latency), Origin.FITTED));
    putLeak(rates, Rate.SLOWS_HOST, DiskPieces.slowsHost(outcome.seconds()));
    putLeak(rates, Rate.SLOWED_BY_HOST, DiskPieces.slowedByHost(outcome.seconds()));
    return new DeviceSpec(
        "ssd",
        DeviceKind.DISK,
        mebibytes(free),
        mebibytes(free) - mebibytes((long) (SHARE * free)),
        Optional.of(disk.toAbsolutePath().normalize().toString()),
        false,
        rates,
        curves);
  }

  private static void putLeak(Map<Rate, RateValue> rates, Rate rate, double part) {
    if (part >= LEAST_LEAK) {
      rates.put(rate, KernelPieces.measured(part));
    }
  }

  // -- common

  private Rounds rounds(int wanted, double part) {
    long deadline = CLOCK.getAsLong() + (long) (part * effort.seconds() * 1e9);
    return new Rounds(wanted, 3 * wanted, DRIFT, deadline, CLOCK, stop);
  }

  private static void remove(Path folder) {
    try (var files = Files.walk(folder)) {
      for (var file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new CalibrationException(
          "scratch files are left in %s: %s".formatted(folder, e.getMessage()), e);
    }
  }
}
