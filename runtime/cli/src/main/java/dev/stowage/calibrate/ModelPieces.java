package dev.stowage.calibrate;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import dev.stowage.optimizer.Phase;
import dev.stowage.optimizer.cost.ComputeWork;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.stream.Stream;

/**
 * Whole small models in host memory, run for real, and compiled again once a platform is measured:
 * what they take beyond the prediction is what passes cost beside products and attention.
 */
final class ModelPieces implements AutoCloseable {
  private static final int PROMPT = 32;
  private static final int GENERATE = 24;

  /** A model and how many sequences run. */
  private record Case(RandomModel model, int batch) {}

  /** Large enough that products are shared out over threads, as in models that people run. */
  private static final List<Case> CASES =
      List.of(
          new Case(new RandomModel(4, 256, 4, 4, 704, 1024, 128, ElementType.F32), 1),
          new Case(new RandomModel(4, 384, 6, 6, 1024, 1024, 128, ElementType.F16), 1),
          new Case(new RandomModel(4, 384, 6, 2, 1024, 1024, 128, ElementType.F16), 8),
          new Case(new RandomModel(3, 640, 10, 10, 1728, 2048, 128, ElementType.BF16), 2));

  private record Open(String name, ExecutablePlan plan, Session session, List<Request> block) {}

  private final Path scratch;
  private final List<Open> open = new ArrayList<>();
  private final double warmSeconds;

  private ModelPieces(Path scratch, double warmSeconds) {
    this.scratch = scratch;
    this.warmSeconds = warmSeconds;
  }

  /**
   * @param platform the text of the platform's file; its rates make no difference yet
   * @param models how many of the cases
   */
  static ModelPieces open(
      Path scratch, String platform, int models, int threads, double warmSeconds)
      throws IOException, ModelFormatException {
    var pieces = new ModelPieces(scratch, warmSeconds);
    try {
      Files.writeString(scratch.resolve("host.stow"), platform);
      for (var one : CASES.subList(0, models)) {
        pieces.add(one, threads);
      }
      return pieces;
    } catch (IOException | ModelFormatException | RuntimeException e) {
      pieces.close();
      throw e;
    }
  }

  private void add(Case one, int threads) throws IOException, ModelFormatException {
    String name = "model" + open.size();
    var folder = scratch.resolve(name);
    one.model().write(folder);
    Files.writeString(scratch.resolve(name + ".stow"), text(one, name));
    var compiled = compiled(name);
    var session = Session.open(compiled.plan(), compiled.schedule(), scratch, folder, threads);
    open.add(new Open(name, compiled.plan(), session, block(compiled.plan())));
  }

  private static String text(Case one, String name) {
    return """
        plan %s
        platform from "host.stow"
        model m = hf "%s"
        workload w { prompt %d tok  generate %d tok  batch %d  micro-batches 1 }
        place {
          weights on ram 100%%
          kv on ram 100%%
        }
        maximize throughput
        """
        .formatted(name, name, PROMPT, GENERATE, one.batch());
  }

  private Compilation.Compiled compiled(String name) throws IOException {
    var plan = scratch.resolve(name + ".stow");
    return switch (Compiler.compile(Files.readString(plan), plan, Settings.none())) {
      case Compilation.Compiled compiled -> compiled;
      case Compilation.Erroneous(var diagnostics) ->
          throw new IllegalStateException("a model to measure: " + diagnostics);
      case Compilation.Infeasible(var limits, var _) ->
          throw new CalibrationException(
              "there is no room for a model of a few megabytes: " + limits);
    };
  }

  private static List<Request> block(ExecutablePlan plan) {
    var random = new Random(1);
    return Stream.generate(
            () -> {
              var ids = new int[plan.batch().promptTokens()];
              Arrays.setAll(ids, i -> random.nextInt(plan.shape().vocabulary()));
              return new Request(ids, plan.batch().generateTokens(), Set.of(), Sampling.GREEDY);
            })
        .limit(plan.batch().sequences())
        .toList();
  }

  /** Phases of one model follow each other. */
  List<Piece> pieces() {
    var pieces = new ArrayList<Piece>();
    for (var one : open) {
      var block = new Block(one);
      for (var phase : Phase.values()) {
        pieces.add(new Run(block, phase));
      }
    }
    return pieces;
  }

  /**
   * What the medians say of passes.
   *
   * @param platform the text of the platform's file, as far as it is measured
   */
  List<Fit.Run> runs(Map<String, Double> seconds, String platform) throws IOException {
    Files.writeString(scratch.resolve("host.stow"), platform);
    var runs = new ArrayList<Fit.Run>();
    for (var one : open) {
      var predicted = compiled(one.name()).plan().predicted();
      for (var phase : Phase.values()) {
        var overheads = ComputeWork.overheads(one.plan().shape(), one.plan().batch(), phase);
        double known =
            switch (phase) {
              case PREFILL -> predicted.prefillSeconds();
              case DECODE -> predicted.decodeSeconds();
            };
        runs.add(new Fit.Run(known, overheads.passes(), seconds.get(name(one, phase))));
      }
    }
    return runs;
  }

  private static String name(Open one, Phase phase) {
    return one.name() + " " + phase.word();
  }

  /** A block of one model, run whole for the first of its phases. */
  private final class Block {
    private final Open one;
    private final Map<Phase, Double> seconds = new EnumMap<>(Phase.class);

    Block(Open one) {
      this.one = one;
    }

    /** Seconds that a phase took, of a block that none of its phases has asked for yet. */
    double next(Phase phase) {
      if (!seconds.containsKey(phase)) {
        var before = one.session().metrics();
        one.session().generate(one.block(), (request, id) -> true);
        var after = one.session().metrics();
        seconds.put(Phase.PREFILL, after.prefillSeconds() - before.prefillSeconds());
        seconds.put(Phase.DECODE, after.decodeSeconds() - before.decodeSeconds());
      }
      return seconds.remove(phase);
    }
  }

  /** A phase of a block. */
  private final class Run implements Piece {
    private final Block block;
    private final Phase phase;

    Run(Block block, Phase phase) {
      this.block = block;
      this.phase = phase;
    }

    @Override
    public String name() {
      return ModelPieces.name(block.one, phase);
    }

    @Override
    public void warmUp(LongSupplier nanos) {
      long start = nanos.getAsLong();
      do {
        seconds(nanos);
      } while ((nanos.getAsLong() - start) * 1e-9 < warmSeconds / Phase.values().length);
      block.seconds.clear();
    }

    @Override
    public double seconds(LongSupplier nanos) {
      return block.next(phase);
    }
  }

  @Override
  public void close() {
    open.forEach(one -> one.session().close());
  }
}
