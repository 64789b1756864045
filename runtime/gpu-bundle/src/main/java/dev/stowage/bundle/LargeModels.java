package dev.stowage.bundle;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.management.OperatingSystemMXBean;
import dev.stowage.compiler.lower.Draft;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ElementType;
import dev.stowage.runtime.parallel.Cores;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Metrics;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * Whole models three times as large as the GPU memory they may take, with their weights in host
 * memory: beside what the link could deliver, and beside FlexGen under the same cap. Models are
 * OPTs of random weights, made where they are measured.
 */
final class LargeModels {
  private static final double OF_LINK = 0.85;
  private static final double OF_FLEXGEN = 1.5;
  private static final int OVER_BUDGET = 3;
  private static final int FEWEST_LAYERS = 8;
  private static final int AHEAD = 2; // stops that weights are loaded ahead

  private static final FlexGen.Work FEW = new FlexGen.Work(2, 1, 4, 3, true);
  static final FlexGen.Work SOME = new FlexGen.Work(8, 1, 16, 8, true);

  private final Results results;
  private final Path scratch;
  private final boolean quick;
  private final boolean emulated;

  LargeModels(Results results, Path scratch, boolean quick, boolean emulated) {
    this.results = results;
    this.scratch = scratch;
    this.quick = quick;
    this.emulated = emulated;
  }

  /**
   * Weights that pass the link once a token.
   *
   * @param link bytes a second that a plain copy to the GPU reaches
   */
  void besideTheLink(double link) {
    String group = "model beyond the gpu";
    var model = fitting(emulated ? OptModel.TINY : quick ? OptModel.B1_3 : OptModel.B6_7);
    if (model.layers() < FEWEST_LAYERS) {
      results.skip(group, model.name(), tooLittle(model));
      return;
    }
    results.check(
        group,
        model.name(),
        numbers -> {
          var work = emulated ? FEW : SOME;
          Generated ran;
          try {
            ran = generate(model, work, model.bytes() / OVER_BUDGET, numbers);
          } finally {
            delete(model);
          }
          double bound = ran.streamedBytes() / link;
          double share = bound / ran.seconds();
          numbers.put("link_bytes_per_second", link).put("bound_seconds", bound);
          numbers.put("share", share).put("floor", OF_LINK);
          return ran.withinBudget() && (emulated || share >= OF_LINK);
        });
  }

  /**
   * The same work by FlexGen, with the same GPU memory; of the policies each one's best counts.
   *
   * @param found FlexGen, or why it cannot run here
   */
  void besideFlexGen(FlexGen.Found found) throws IOException {
    String group = "beside flexgen";
    var shapes = quick ? List.of(OptModel.B1_3) : List.of(OptModel.B6_7, OptModel.B13);
    for (var shape : shapes) {
      var model = fitting(shape);
      switch (found) {
        case FlexGen.Missing(var reason) -> results.skip(group, shape.name(), reason);
        case FlexGen.Here _ when emulated ->
            results.skip(group, shape.name(), "the device is emulated");
        case FlexGen.Here _ when model.layers() < shape.layers() ->
            results.skip(group, shape.name(), tooLittle(shape));
        case FlexGen.Here(var flexgen) -> beside(group, model, flexgen);
      }
    }
  }

  private void beside(String group, OptModel model, FlexGen flexgen) throws IOException {
    long cap = model.bytes() / OVER_BUDGET;
    double ours = 0;
    double theirs = 0;
    var failures = new ArrayList<String>();
    for (var work : works(model, cap, quick)) {
      String name =
          "%s, %d sequences, kv %s"
              .formatted(model.name(), work.sequences(), work.kvOnGpu() ? "on the gpu" : "in ram");
      var best = new double[2];
      results.check(
          group,
          name,
          numbers -> {
            var ran = generate(model, work, cap, numbers);
            best[0] = ran.tokens() / ran.seconds();
            numbers.put("tokens_per_second", best[0]);
            switch (flexgen.run(model.name(), work, cap)) {
              case FlexGen.Ran(var prefill, var decode, var rate, var peak) -> {
                best[1] = rate;
                numbers.put("flexgen_tokens_per_second", rate);
                numbers.put("flexgen_prefill_seconds", prefill);
                numbers.put("flexgen_decode_seconds", decode).put("flexgen_peak_bytes", peak);
              }
              case FlexGen.Failed(var reason) -> {
                failures.add(reason);
                numbers.put("flexgen", reason);
              }
            }
            return ran.withinBudget();
          });
      ours = Math.max(ours, best[0]);
      theirs = Math.max(theirs, best[1]);
    }
    delete(model);
    if (theirs == 0) {
      results.skip(group, model.name(), "FlexGen ran nowhere: " + String.join("; ", failures));
      return;
    }
    double ratio = ours / theirs;
    double fastest = ours;
    double flexgens = theirs;
    results.check(
        group,
        model.name(),
        numbers -> {
          numbers.put("tokens_per_second", fastest).put("flexgen_tokens_per_second", flexgens);
          numbers.put("ratio", ratio).put("floor", OF_FLEXGEN);
          return ratio >= OF_FLEXGEN;
        });
  }

  /**
   * As many sequences as fit on the GPU beside the weights under way, which leave half of the rest
   * to activations; and more in host memory.
   */
  static List<FlexGen.Work> works(OptModel model, long cap, boolean quick) {
    int prompt = quick ? 64 : 512;
    int tokens = quick ? 8 : 32;
    long room = (cap - (AHEAD + 1) * model.largestPartBytes()) / 2;
    int onGpu = Math.clamp(room / (model.kvBytes() * (prompt + tokens)), 1, 64);
    return List.of(
        new FlexGen.Work(onGpu, 1, prompt, tokens, true),
        new FlexGen.Work(48, 4, prompt, tokens, false));
  }

  private void delete(OptModel model) throws IOException {
    if (Files.exists(folder(model))) {
      GpuCheck.delete(folder(model));
    }
  }

  private Path folder(OptModel model) {
    return scratch.resolve(model.name());
  }

  /** What a run did after a shorter one to warm up. */
  private record Generated(long tokens, double seconds, long streamedBytes, boolean withinBudget) {}

  private Generated generate(OptModel model, FlexGen.Work work, long budget, ObjectNode numbers)
      throws Exception {
    var folder = folder(model);
    if (!Files.exists(folder)) {
      model.write(folder);
    }
    var draft = draft(folder, model, work, budget);
    numbers.put("layers", model.layers()).put("weight_bytes", model.bytes());
    numbers.put("budget_bytes", budget).put("sequences", work.sequences());
    int threads = Cores.available();
    try (var session = Session.open(draft.plan(), draft.schedule(), scratch, folder, threads)) {
      run(session, model, work, 1);
      var before = session.metrics();
      run(session, model, work, work.tokens());
      var after = session.metrics();
      long tokens = after.generatedTokens() - before.generatedTokens();
      double seconds = seconds(after) - seconds(before);
      long streamed = after.streamedWeightBytes() - before.streamedWeightBytes();
      numbers.put("tokens", tokens).put("seconds", seconds).put("streamed_bytes", streamed);
      numbers.put("used_bytes", ModelChecks.used(session));
      boolean within =
          ModelChecks.withinBudget(after)
              && tokens == (long) work.sequences() * work.tokens()
              && streamed > 0;
      return new Generated(tokens, seconds, streamed, within);
    }
  }

  /** Weights in host memory, two stops ahead of the GPU. */
  static Draft draft(Path folder, OptModel model, FlexGen.Work work, long budget) {
    var batch =
        new BatchShape(
            work.sequences(),
            work.microBatches(),
            work.promptTokens(),
            work.tokens(),
            work.promptTokens());
    long kvBytes = model.kvBytes() * work.sequences() * batch.tokens();
    return Draft.allOnHost(folder, batch, ElementType.F16)
        .withWeights(Draft.shares("gpu", 0.0, "ram", 1.0))
        .withKv(Map.of(work.kvOnGpu() ? "gpu" : "ram", 1.0), Draft.Axis.TOKENS)
        .withPrefetch(AHEAD)
        .withHostBytes(2 * model.bytes() + 2 * kvBytes + (1L << 30))
        .withGpuBytes(budget);
  }

  private static double seconds(Metrics metrics) {
    return metrics.prefillSeconds() + metrics.decodeSeconds();
  }

  private static void run(Session session, OptModel model, FlexGen.Work work, int tokens) {
    var random = new Random(tokens);
    var requests = new ArrayList<Request>();
    for (int i = 0; i < work.sequences(); i++) {
      var prompt = random.ints(work.promptTokens(), 0, model.vocabulary()).toArray();
      requests.add(new Request(prompt, tokens, Set.of(), Sampling.GREEDY));
    }
    session.generate(requests, (request, id) -> true);
  }

  /** The model, with as many of its layers as this machine's disk and memory hold. */
  private OptModel fitting(OptModel model) {
    long without = withLayers(model, 0).bytes();
    long layer = withLayers(model, 1).bytes() - without;
    long fit = Math.max(0, Math.min(diskBytes(), memoryBytes()) - without) / layer;
    return fit < model.layers() ? withLayers(model, (int) fit) : model;
  }

  private static OptModel withLayers(OptModel model, int layers) {
    return new OptModel(
        model.name(), layers, model.hidden(), model.heads(), model.vocabulary(), model.positions());
  }

  private String tooLittle(OptModel model) {
    return "%s has room for %d bytes, and half of this machine's memory is %d bytes; %s takes %d"
        .formatted(scratch, diskBytes(), memoryBytes(), model.name(), model.bytes());
  }

  private long diskBytes() {
    try {
      return Files.getFileStore(scratch).getUsableSpace();
    } catch (IOException e) {
      return 0;
    }
  }

  /** Half of the memory: the other half is the file's, where scratch space is memory, and KV's. */
  private static long memoryBytes() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize()
        / 2;
  }
}
