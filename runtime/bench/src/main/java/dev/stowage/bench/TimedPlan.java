package dev.stowage.bench;

import dev.stowage.calibrate.Drift;
import dev.stowage.compiler.Compilation;
import dev.stowage.optimizer.Phase;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Metrics;
import dev.stowage.runtime.session.Recording;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A compiled plan that is open on this machine, and the blocks of it that were timed. */
final class TimedPlan implements AutoCloseable {
  private static final Pattern IN_A_DRIVE = Pattern.compile("([0-9.]+) s in a real drive");

  /**
   * One block.
   *
   * @param driveSeconds what real drives would take for it; 0 without drives
   */
  private record Block(double prefillSeconds, double decodeSeconds, double driveSeconds) {
    double seconds() {
      return prefillSeconds + decodeSeconds;
    }

    /** What it would have taken while the machine was as fast as when it was calibrated. */
    Block corrected(ExecutablePlan plan, Drift.Factors drift) {
      var predicted = plan.predicted();
      var batch = plan.batch();
      double sequences = (double) batch.sequences() / batch.microBatches();
      double chunk = Math.min(batch.prefillChunk(), batch.promptTokens());
      return new Block(
          prefillSeconds / factor(predicted.prefillBound(), chunk * sequences, drift),
          decodeSeconds / factor(predicted.decodeBound(), sequences, drift),
          driveSeconds);
    }

    private static double factor(String bound, double rows, Drift.Factors drift) {
      return isRead(bound) ? drift.read() : drift.compute(rows);
    }
  }

  private static boolean isRead(String bound) {
    return bound.startsWith("read(");
  }

  /** What blocks that get faster take at most, in parts, of those a second before. */
  private static final double STEADY = 0.97;

  private final HeldOut source;
  private final Compilation.Compiled compiled;
  private final Session session;
  private final List<Request> requests;
  private double warmest = Double.POSITIVE_INFINITY; // the fastest block of all that do not count
  private final List<Block> blocks = new ArrayList<>();
  private final List<Block> corrected = new ArrayList<>();

  TimedPlan(HeldOut source, Compilation.Compiled compiled, Path folder, int threads)
      throws ModelFormatException {
    this.source = source;
    this.compiled = compiled;
    session =
        Session.open(
            compiled.plan(),
            compiled.schedule(),
            folder,
            folder.resolve(source.model().folder()),
            threads);
    requests = requests();
  }

  private List<Request> requests() {
    var random = new Random(1);
    var batch = compiled.plan().batch();
    int vocabulary = compiled.plan().shape().vocabulary();
    return Stream.generate(
            () -> {
              var ids = new int[batch.promptTokens()];
              Arrays.setAll(ids, i -> random.nextInt(vocabulary));
              return new Request(ids, batch.generateTokens(), Set.of(), Sampling.GREEDY);
            })
        .limit(batch.sequences())
        .toList();
  }

  /**
   * Runs blocks that do not count, for a second or so.
   *
   * @return whether they no longer get faster: until then code is being compiled, beside it
   */
  boolean warmUp() {
    long start = System.nanoTime();
    double fastest = Double.POSITIVE_INFINITY;
    do {
      fastest = Math.min(fastest, run().seconds());
    } while (System.nanoTime() - start < 1_000_000_000L);
    boolean steady = fastest > STEADY * warmest;
    warmest = Math.min(warmest, fastest);
    return steady;
  }

  /** Runs a block that counts, between two looks at how fast the machine is. */
  void time(Drift drift) {
    var predicted = compiled.plan().predicted();
    boolean reads = isRead(predicted.prefillBound()) || isRead(predicted.decodeBound());
    var before = drift.now(reads);
    var block = run();
    blocks.add(block);
    corrected.add(
        block.corrected(compiled.plan(), Drift.Factors.between(before, drift.now(reads))));
  }

  private Block run() {
    var before = session.metrics();
    session.generate(requests, (request, id) -> true);
    var after = session.metrics();
    return new Block(
        after.prefillSeconds() - before.prefillSeconds(),
        after.decodeSeconds() - before.decodeSeconds(),
        driveSeconds(after) - driveSeconds(before));
  }

  /** Runs a block that does not count, and is heard of piece by piece. */
  Recording recorded() {
    session.record(true);
    run();
    return session.recording();
  }

  private static double driveSeconds(Metrics metrics) {
    double slowest = 0;
    for (var device : metrics.devices()) {
      var said = IN_A_DRIVE.matcher(device.activity());
      if (said.find()) {
        slowest = Math.max(slowest, Double.parseDouble(said.group(1)));
      }
    }
    return slowest;
  }

  HeldOut source() {
    return source;
  }

  Compilation.Compiled compiled() {
    return compiled;
  }

  /** The drive that KV lies on: what its emulation takes says nothing of a real one. */
  Optional<String> drive() {
    return compiled.plan().machine().devices().stream()
        .filter(device -> device.kind() == DeviceKind.CSD)
        .map(device -> device.name())
        .findFirst();
  }

  double predictedPrefill() {
    return compiled.plan().predicted().prefillSeconds();
  }

  double predictedDecode() {
    return compiled.plan().predicted().decodeSeconds();
  }

  /**
   * Seconds for which the drive works. It carries out one command after another, so what its link
   * takes either way adds up; what it reads of its flash while its engine attends does not.
   */
  double predictedDrive() {
    String name = drive().orElseThrow();
    double seconds = 0;
    for (var phase : Phase.values()) {
      seconds += busy(phase, "read", name) + busy(phase, "write", name);
      seconds += Math.max(busy(phase, "internal", name), busy(phase, "compute", name));
    }
    return seconds;
  }

  private double busy(Phase phase, String what, String device) {
    String resource = "%s(%s)".formatted(what, device);
    return compiled.placement().busy().stream()
        .filter(busy -> busy.phase() == phase && busy.resource().equals(resource))
        .mapToDouble(busy -> busy.seconds())
        .sum();
  }

  /** As {@link #measuredPrefill}, had the machine been as fast as when it was calibrated. */
  double correctedPrefill() {
    return median(corrected, Block::prefillSeconds);
  }

  /** As {@link #measuredDecode}, likewise. */
  double correctedDecode() {
    return median(corrected, Block::decodeSeconds);
  }

  double measuredPrefill() {
    return median(blocks, Block::prefillSeconds);
  }

  double measuredDecode() {
    return median(blocks, Block::decodeSeconds);
  }

  double measuredDrive() {
    return median(blocks, Block::driveSeconds);
  }

  /** Generated tokens of a block over its seconds. */
  double predictedTokens() {
    return compiled.plan().predicted().throughputTokensPerSecond();
  }

  /** As {@link #predictedTokens}, of the median block. */
  double measuredTokens() {
    return tokens() / median(blocks, Block::seconds);
  }

  /** As {@link #measuredTokens}, had the machine been as fast as when it was calibrated. */
  double correctedTokens() {
    return tokens() / median(corrected, Block::seconds);
  }

  /** As {@link #measuredTokens}, of the fastest block. */
  double bestTokens() {
    return tokens() / blocks.stream().mapToDouble(Block::seconds).min().orElseThrow();
  }

  private double tokens() {
    var batch = compiled.plan().batch();
    return (double) batch.sequences() * batch.generateTokens();
  }

  /** By what part the slowest block took longer than the fastest. */
  double spread() {
    double[] seconds = blocks.stream().mapToDouble(Block::seconds).sorted().toArray();
    return seconds[seconds.length - 1] / seconds[0] - 1;
  }

  private static double median(List<Block> blocks, ToDoubleFunction<Block> of) {
    return quantile(blocks.stream().mapToDouble(of).toArray(), 0.5);
  }

  /** The smallest of the numbers that so large a part of them does not exceed. */
  static double quantile(double[] numbers, double part) {
    var sorted = numbers.clone();
    Arrays.sort(sorted);
    return sorted[Math.max(0, (int) Math.ceil(part * sorted.length) - 1)];
  }

  @Override
  public void close() {
    session.close();
  }
}
