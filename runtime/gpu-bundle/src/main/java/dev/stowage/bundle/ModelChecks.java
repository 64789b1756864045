package dev.stowage.bundle;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.stowage.compiler.lower.Draft;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.Sparsity;
import dev.stowage.plan.model.ModelHeaders;
import dev.stowage.plan.text.StowPlanFile;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Completion;
import dev.stowage.runtime.session.Metrics;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * Whole models on the GPU: against reference numbers made elsewhere ({@code golden.json} beside
 * each model), and against the host wherever weights and keys lie.
 */
final class ModelChecks {
  private static final String SEVERAL = "several gpus";
  private static final int THREADS = 2;

  private final Results results;
  private final List<Path> models;
  private final Path scratch;
  private final boolean quick;

  ModelChecks(Results results, Path models, Path scratch, boolean quick) throws IOException {
    this.results = results;
    this.scratch = scratch;
    this.quick = quick;
    try (var folders = Files.list(models)) {
      this.models =
          folders.filter(folder -> Files.exists(folder.resolve("golden.json"))).sorted().toList();
    }
  }

  private record Golden(int[] scored, double[] logprobs, int[] prompt, List<Integer> output) {}

  private static Golden golden(Path model) throws IOException {
    var root = new ObjectMapper().readTree(model.resolve("golden.json").toFile());
    var score = root.get("score").get(root.get("score").size() - 1);
    var logprobs = score.get("token_logprobs");
    var values = new double[logprobs.size() - 1];
    for (int i = 0; i < values.length; i++) {
      values[i] = logprobs.get(i + 1).asDouble();
    }
    var greedy = root.get("greedy");
    return new Golden(
        ints(score.get("ids")),
        values,
        ints(greedy.get("ids")),
        Arrays.stream(ints(greedy.get("continuation"))).boxed().toList());
  }

  private static int[] ints(JsonNode array) {
    var ints = new int[array.size()];
    for (int i = 0; i < ints.length; i++) {
      ints[i] = array.get(i).asInt();
    }
    return ints;
  }

  private static Draft allOnGpu(Path model, BatchShape batch, ElementType kvType) {
    return Draft.allOnHost(model, batch, kvType)
        .withWeights(Map.of("gpu", 1.0))
        .withKv(Map.of("gpu", 1.0), Draft.Axis.TOKENS);
  }

  /** Everything on the GPU: the reference's log-probabilities and its greedy tokens. */
  void golden() {
    golden("golden", layers -> List.of());
  }

  private void golden(String group, IntFunction<List<Integer>> cuts) {
    for (var model : models) {
      results.check(
          group,
          model.getFileName().toString(),
          numbers -> {
            var golden = golden(model);
            int scored = Math.min(golden.scored().length, quick ? 24 : 1 << 20);
            int generated = Math.min(golden.output().size(), quick ? 6 : 1 << 20);
            var shape = ModelHeaders.open(model).shape();
            var type = shape.weightType();
            double tolerance = type == ElementType.F32 ? 2e-3 : 1e-2;
            var batch =
                new BatchShape(
                    2,
                    2,
                    Math.max(scored, golden.prompt().length),
                    golden.output().size(),
                    Math.max(scored, golden.prompt().length));
            var draft =
                allOnGpu(model, batch, type == ElementType.F32 ? ElementType.F32 : ElementType.F16)
                    .withCuts(cuts.apply(shape.layers()));
            try (var session = open(draft)) {
              var score = session.score(Arrays.copyOf(golden.scored(), scored), 1);
              double off = 0;
              for (int i = 0; i < scored - 1; i++) {
                off = Math.max(off, Math.abs(golden.logprobs()[i] - score.logprobs().get(i)));
              }
              var request = new Request(golden.prompt(), generated, Set.of(), Sampling.GREEDY);
              var output =
                  session.generate(List.of(request), (index, id) -> true).getFirst().output();
              boolean same = output.equals(golden.output().subList(0, generated));
              numbers.put("tokens", scored).put("largest_difference", off);
              numbers.put("tolerance", tolerance).put("same_tokens", same);
              return same && off <= tolerance;
            }
          });
    }
  }

  private Session open(Draft draft) throws Exception {
    return Session.open(draft.plan(), draft.schedule(), scratch, draft.model(), THREADS);
  }

  /** Plans that were compiled elsewhere, each for the model of its name: the reference's tokens. */
  void compiled(Path plans) throws IOException {
    List<Path> files;
    try (var all = Files.list(plans)) {
      files = all.filter(file -> file.toString().endsWith(".stowplan")).sorted().toList();
    }
    for (var file : files) {
      String name = file.getFileName().toString().replace(".stowplan", "");
      results.check(
          "compiled plan",
          name,
          numbers -> {
            var model =
                models.stream().filter(m -> m.getFileName().toString().equals(name)).findFirst();
            var golden = golden(model.orElseThrow());
            var read = StowPlanFile.read(file);
            var plan =
                read.plan()
                    .withPaths(path -> path, (device, path) -> scratch.resolve(device).toString());
            int generated =
                Math.min(quick ? 4 : plan.batch().generateTokens(), golden.output().size());
            numbers.put("bytes_on_gpu", plan.bytesOn("gpu")).put("generated", generated);
            try (var session =
                Session.open(plan, read.schedule(), plans, model.orElseThrow(), THREADS)) {
              var request = new Request(golden.prompt(), generated, Set.of(), Sampling.GREEDY);
              var output = outputs(session, List.of(request, request));
              numbers.put("streamed_bytes", session.metrics().streamedWeightBytes());
              var expected = golden.output().subList(0, generated);
              return output.equals(List.of(expected, expected)) && withinBudget(session.metrics());
            }
          });
    }
  }

  /** Weights, keys, batches and schedules at random: the tokens of the host alone. */
  void placements(int count, long seed) {
    for (int i = 0; i < count; i++) {
      placement("placement", seed + i, 1);
    }
  }

  /**
   * Models whose layers several GPUs compute, in even parts and cut at random.
   *
   * @param gpus how many there are
   */
  void severalGpus(int gpus, int count, long seed) {
    if (gpus < 2) {
      results.skip(SEVERAL, "models and random cuts", "this machine has one GPU");
      return;
    }
    golden(SEVERAL, layers -> evenly(layers, gpus));
    for (int i = 0; i < count; i++) {
      placement(SEVERAL, seed + i, gpus);
    }
  }

  private static List<Integer> evenly(int layers, int gpus) {
    int parts = Math.min(layers, gpus);
    return IntStream.range(1, parts).map(i -> i * layers / parts).boxed().toList();
  }

  private static List<Integer> cuts(Random random, int layers, int gpus) {
    var inner = new ArrayList<>(IntStream.range(1, layers).boxed().toList());
    Collections.shuffle(inner, random);
    int most = Math.min(gpus - 1, inner.size());
    return most < 1
        ? List.of()
        : inner.subList(0, 1 + random.nextInt(most)).stream().sorted().toList();
  }

  private void placement(String group, long seed, int gpus) {
    var random = new Random(seed);
    var model = models.get(random.nextInt(models.size()));
    results.check(
        group,
        "seed " + seed,
        numbers -> {
          int promptTokens = quick ? 6 : 16;
          int tokens = quick ? 4 : 24;
          int sequences = 1 + random.nextInt(quick ? 2 : 6);
          var batch =
              new BatchShape(
                  sequences,
                  1 + random.nextInt(sequences),
                  promptTokens,
                  tokens,
                  1 + random.nextInt(promptTokens));
          // keys as F32, so that what differs is where things lie and not how they are stored
          var weights = shares(random, "gpu", "ram", "ssd");
          var kv = shares(random, "gpu", "ram", "inst", "ssd");
          var axis = Draft.Axis.values()[random.nextInt(Draft.Axis.values().length)];
          int prefetch = random.nextInt(4);
          var cuts = cuts(random, ModelHeaders.open(model).shape().layers(), gpus);
          var host = Draft.allOnHost(model, batch, ElementType.F32);
          var draft =
              host.withWeights(weights)
                  .withKv(kv, axis)
                  .withPrefetch(prefetch)
                  .withGpuAttending(random.nextBoolean())
                  .withCuts(cuts);
          numbers.put("model", model.getFileName().toString());
          numbers.put("weights", weights.toString()).put("kv", kv.toString());
          numbers.put("axis", axis.toString()).put("cuts", cuts.toString());
          var plan = draft.plan();
          var requests = new ArrayList<Request>();
          for (int i = 0; i < 1 + random.nextInt(2 * sequences); i++) {
            var prompt =
                random
                    .ints(1 + random.nextInt(promptTokens), 0, plan.shape().vocabulary())
                    .toArray();
            requests.add(
                new Request(prompt, 1 + random.nextInt(tokens), Set.of(), Sampling.GREEDY));
          }
          numbers.put("requests", requests.size());
          List<List<Integer>> outputs;
          try (var session =
              Session.open(
                  plan, schedule(random, draft.schedule(), plan), scratch, model, THREADS)) {
            outputs = outputs(session, requests);
            if (!withinBudget(session.metrics())) {
              numbers.put("error", "a device holds more than the plan may use");
              return false;
            }
          }
          try (var session = open(host)) {
            return outputs(session, requests).equals(outputs);
          }
        });
  }

  /** Attention of decode that reads a quarter: a GPU chooses what the host chooses. */
  void sparse(long seed) {
    for (var model : models) {
      results.check(
          "sparse attention",
          model.getFileName().toString(),
          numbers -> {
            int tokens = quick ? 4 : 24;
            int prompt = quick ? 12 : 64;
            var shape = ModelHeaders.open(model).shape();
            var sparsity = Sparsity.ofBytes(0.25, shape.headDim());
            var batch = new BatchShape(2, 2, prompt, tokens, prompt);
            var random = new Random(seed);
            var requests = new ArrayList<Request>();
            for (int i = 0; i < 2; i++) {
              var ids = random.ints(prompt, 0, shape.vocabulary()).toArray();
              requests.add(new Request(ids, tokens, Set.of(), Sampling.GREEDY));
            }
            numbers.put("sparsity", sparsity.toString());
            var outputs = new ArrayList<List<List<Integer>>>();
            for (String device : List.of("gpu", "ram")) {
              var draft =
                  Draft.allOnHost(model, batch, ElementType.F32)
                      .withWeights(Map.of(device, 1.0))
                      .withKv(Map.of(device, 1.0), Draft.Axis.TOKENS)
                      .withSparsity(sparsity);
              try (var session = open(draft)) {
                outputs.add(outputs(session, requests));
              }
            }
            return outputs.get(0).equals(outputs.get(1));
          });
    }
  }

  private static List<List<Integer>> outputs(Session session, List<Request> requests) {
    return session.generate(requests, (request, id) -> true).stream()
        .map(Completion::output)
        .toList();
  }

  static boolean withinBudget(Metrics metrics) {
    return metrics.devices().stream()
        .allMatch(device -> device.usedBytes() <= device.usableBytes());
  }

  private static Map<String, Double> shares(Random random, String... devices) {
    var cuts = new double[devices.length + 1];
    cuts[devices.length] = 1;
    for (int i = 1; i < devices.length; i++) {
      cuts[i] = random.nextDouble();
    }
    Arrays.sort(cuts);
    var shares = new LinkedHashMap<String, Double>();
    for (int i = 0; i < devices.length; i++) {
      shares.put(devices[i], cuts[i + 1] - cuts[i]);
    }
    return shares;
  }

  private static Schedule schedule(Random random, Schedule plain, ExecutablePlan plan) {
    var order =
        switch (random.nextInt(plan.stages().devices().size() > 1 ? 4 : 3)) {
          case 0 -> new Schedule.Order.ZigZag();
          case 1 -> new Schedule.Order.RowByRow();
          case 3 -> new Schedule.Order.Pipeline();
          default -> {
            var word = new ArrayList<Integer>();
            for (int i = 0; i < plan.stops() * plan.batch().microBatches(); i++) {
              word.add(i % plan.batch().microBatches());
            }
            Collections.shuffle(word, random);
            yield new Schedule.Order.Word(word);
          }
        };
    return new Schedule(order, plain.prefetch(), plain.lanes());
  }

  /** A model in a budget that its weights exceed: they are streamed, and the budget holds. */
  void streamedWithinBudget() {
    for (var model : models) {
      results.check(
          "budget",
          model.getFileName() + " streamed from the host",
          numbers -> {
            var batch = new BatchShape(1, 1, 8, 4, 8);
            var generous =
                Draft.allOnHost(model, batch, ElementType.F32)
                    .withKv(Map.of("gpu", 1.0), Draft.Axis.TOKENS);
            long needed = held(generous);
            var tight = generous.withGpuBytes(needed);
            numbers.put("budget_bytes", needed);
            try (var session = open(tight)) {
              var request = new Request(new int[] {2, 5, 7}, 4, Set.of(), Sampling.GREEDY);
              int made =
                  session.generate(List.of(request), (i, id) -> true).getFirst().output().size();
              long used = used(session);
              numbers.put("used_bytes", used).put("tokens", made);
              numbers.put("streamed_bytes", session.metrics().streamedWeightBytes());
              return used <= needed && withinBudget(session.metrics()) && made > 0;
            }
          });
    }
  }

  private long held(Draft draft) throws Exception {
    try (var session = open(draft)) {
      return used(session);
    }
  }

  static long used(Session session) {
    return session.metrics().devices().stream()
        .filter(device -> device.device().equals("gpu"))
        .mapToLong(Metrics.DeviceBytes::usedBytes)
        .sum();
  }
}
