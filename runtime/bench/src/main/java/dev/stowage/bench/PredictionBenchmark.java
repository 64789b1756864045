package dev.stowage.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.management.OperatingSystemMXBean;
import dev.stowage.calibrate.Calibrator;
import dev.stowage.calibrate.Drift;
import dev.stowage.calibrate.HostFile;
import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.plan.text.AtomicFile;
import dev.stowage.runtime.parallel.Cores;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Holds predictions against this machine: calibrates it, compiles plans that the calibration has
 * not seen ({@link HeldOut}), runs each for real and compares tokens a second; then lets the
 * optimizer choose shapes of some workloads, and runs what it chose beside a grid of shapes
 * (regret).
 *
 * <pre>{@code
 * ./mvnw -q compile -pl runtime/bench -am
 * java @runtime/cli/target/jvm.args -cp CLASSPATH \
 *   dev.stowage.bench.PredictionBenchmark FOLDER [--plans FIRST-LAST] [--rounds N] [--threads N] \
 *   [--platform host.stow | --full] [--only held-out | --only regret | --only calibrate] [--work]
 * }</pre>
 *
 * The folder lies on the disk that is measured; models of 330 MB are made there, and stay. A few
 * plans are open at once and take turns, round after round, so that a slow minute of the machine
 * spoils a little of each. Prints a table, and writes {@code prediction.json} there. A platform
 * that was calibrated before can be given, and plans by their numbers from 1 on (workloads, for
 * regret): what {@code prediction.json} holds of others on the same platform stays, and is counted
 * in the errors that are told at the end. {@code --full} calibrates for minutes instead of seconds;
 * {@code --work} tells in which kinds of work predictions and runs differ.
 *
 * <p>Before and after every block a few points of the platform's curves are timed again ({@link
 * Drift}). Errors are told twice: against what was measured, and against that divided by this
 * drift, of the disk where a phase is bound by it, else of products of as many rows. Regret
 * compares each shape's fastest block: they take turns, and nothing but chance makes one slower.
 *
 * <p>Plans with an emulated drive are apart: the drive's busy seconds as predicted are compared
 * with those that the emulator counts for a real one: both are simulated.
 */
public final class PredictionBenchmark {
  private static final ObjectMapper MAPPER =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  /** Shapes that are run beside the chosen one. */
  private static final List<String> GRID =
      List.of(
          "batch 2  micro-batches 1",
          "batch 8  micro-batches 1",
          "batch 8  micro-batches 2",
          "batch 24  micro-batches 1",
          "batch 24  micro-batches 2",
          "batch 24  micro-batches 4");

  /** Times that all plans which are open are warmed up at most. */
  private static final int MOST_WARM_UPS = 8;

  /** Plans that are open at once. */
  private static final int TOGETHER = 4;

  private static final String PLANS = "plans";
  private static final String DRIVES = "drives";
  private static final String REGRET = "regret";

  private static final String FREELY = "batch auto in 1..24  micro-batches auto in 1..4";

  /** Workloads whose shape is chosen: all in memory, and with two thirds read from the disk. */
  private static final List<HeldOut> CHOSEN =
      List.of(
          new HeldOut(HeldOut.Model.GROUPED, FREELY, "", "", ""),
          new HeldOut(
              HeldOut.Model.GROUPED, FREELY, "host ram { memory 96 MiB  reserve 0 MiB }", "", ""),
          new HeldOut(
              HeldOut.Model.SMALL, FREELY, "host ram { memory 48 MiB  reserve 0 MiB }", "", ""));

  private final Path folder;
  private int first = 1;
  private int last = Integer.MAX_VALUE;
  private int rounds = 3;
  private int threads = Cores.available();
  private Optional<Path> platform = Optional.empty();
  private boolean quick = true;
  private boolean work;
  private boolean compares = true;
  private boolean regrets = true;

  private PredictionBenchmark(Path folder) {
    this.folder = folder;
  }

  public static void main(String[] args) throws IOException, ModelFormatException {
    var benchmark = new PredictionBenchmark(Path.of(args[0]).toAbsolutePath().normalize());
    for (int i = 1; i < args.length; i++) {
      switch (args[i]) {
        case "--plans" -> {
          var ends = args[++i].split("-", 2);
          benchmark.first = number(ends[0], HeldOut.all().size());
          benchmark.last = number(ends[ends.length - 1], HeldOut.all().size());
        }
        case "--rounds" -> benchmark.rounds = number(args[++i], 1000);
        case "--threads" -> benchmark.threads = number(args[++i], 1024);
        case "--platform" -> benchmark.platform = Optional.of(Path.of(args[++i]));
        case "--full" -> benchmark.quick = false;
        case "--work" -> benchmark.work = true;
        case "--only" -> {
          switch (args[++i]) {
            case "held-out" -> benchmark.regrets = false;
            case "regret" -> benchmark.compares = false;
            case "calibrate" -> {
              benchmark.compares = false;
              benchmark.regrets = false;
            }
            default -> throw new IllegalArgumentException("--only " + args[i]);
          }
        }
        default -> throw new IllegalArgumentException("unknown option " + args[i]);
      }
    }
    benchmark.run();
  }

  private static int number(String text, int most) {
    int number = Integer.parseInt(text);
    if (number < 1 || number > most) {
      throw new IllegalArgumentException(text + " is not between 1 and " + most);
    }
    return number;
  }

  private void run() throws IOException, ModelFormatException {
    Files.createDirectories(folder);
    var json = MAPPER.createObjectNode();
    json.put("date", LocalDate.now().toString()).put("threads", threads).put("rounds", rounds);
    calibrate(json);
    keepOthers(json);
    var some = compares ? numbered(HeldOut.all()) : List.<HeldOut>of();
    var chosen = regrets ? numbered(CHOSEN) : List.<HeldOut>of();
    for (var model : models(some, chosen)) {
      var at = folder.resolve(model.folder());
      if (!Files.exists(at.resolve("model.safetensors"))
          || Files.size(at.resolve("model.safetensors")) < model.shape().bytes()) {
        model.shape().write(at);
      }
    }
    if (!some.isEmpty()) {
      compare(some, json);
    }
    for (var one : chosen) {
      regret(one, json);
    }
    tellErrors("measured", json);
    tellErrors("corrected", json);
    var target = folder.resolve("prediction.json");
    AtomicFile.write(target, MAPPER.writeValueAsBytes(json));
    say("wrote %s", target);
  }

  private List<HeldOut> numbered(List<HeldOut> all) {
    return all.subList(Math.min(first - 1, all.size()), Math.min(last, all.size()));
  }

  /** What was written before stays, where it was of the same platform. */
  private void keepOthers(ObjectNode json) throws IOException {
    var before = folder.resolve("prediction.json");
    if (!Files.exists(before)) {
      return;
    }
    var known = MAPPER.readTree(Files.readAllBytes(before));
    if (known.path("platform").equals(json.path("platform"))) {
      for (var what : List.of(PLANS, DRIVES, REGRET)) {
        known.path(what).forEach(node -> json.withArray(what).add(node));
      }
    }
  }

  /** Adds to a list of the JSON; what it holds of the same goes. */
  private static ObjectNode add(ObjectNode json, String list, String plan) {
    var nodes = json.withArray(list);
    for (int i = nodes.size() - 1; i >= 0; i--) {
      if (nodes.get(i).path("plan").asText().equals(plan)) {
        nodes.remove(i);
      }
    }
    return nodes.addObject().put("plan", plan);
  }

  private static EnumSet<HeldOut.Model> models(List<HeldOut> some, List<HeldOut> chosen) {
    var models = EnumSet.noneOf(HeldOut.Model.class);
    some.forEach(one -> models.add(one.model()));
    chosen.forEach(one -> models.add(one.model()));
    return models;
  }

  private void calibrate(ObjectNode json) throws IOException {
    var target = folder.resolve("host.stow");
    if (platform.isPresent()) {
      if (!Files.exists(target) || !Files.isSameFile(platform.get(), target)) {
        Files.copy(platform.get(), target, StandardCopyOption.REPLACE_EXISTING);
      }
      json.put("platform", Files.readString(target, StandardCharsets.UTF_8));
      return;
    }
    var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long memory = system.getTotalMemorySize();
    var calibration =
        new Calibrator(
                folder,
                quick,
                threads,
                memory,
                memory / 2,
                LocalDate.now(),
                line -> say("%s", line),
                () -> false)
            .run();
    HostFile.write(target, calibration);
    calibration.notes().forEach(note -> say("%s", note));
    json.put("steady", calibration.steady()).put("platform", HostFile.text(calibration));
  }

  // -- predicted and measured

  private void compare(List<HeldOut> some, ObjectNode json)
      throws IOException, ModelFormatException {
    tellHeader();
    for (int from = 0; from < some.size(); from += TOGETHER) {
      compareTogether(some.subList(from, Math.min(from + TOGETHER, some.size())), from, json);
    }
  }

  private void compareTogether(List<HeldOut> some, int from, ObjectNode json)
      throws IOException, ModelFormatException {
    var timed = new ArrayList<TimedPlan>();
    try {
      for (var one : some) {
        timed.add(open(one, "heldOut" + (from + timed.size())).orElseThrow());
      }
      time(timed);
      timed.forEach(one -> report(one, json));
      if (work) {
        timed.forEach(PredictionBenchmark::tellWork);
      }
    } finally {
      timed.forEach(TimedPlan::close);
    }
  }

  private static void tellWork(TimedPlan one) {
    say("");
    say("%s", one.source().words());
    for (var line : WorkTable.of(one.compiled(), one.recorded())) {
      say(
          "%8s %9.0f us predicted, %9.0f measured  %s %s",
          line.phase(),
          1e6 * line.predictedSeconds(),
          1e6 * line.measuredSeconds(),
          line.lane(),
          line.what());
    }
  }

  private void time(List<TimedPlan> timed) throws IOException, ModelFormatException {
    var platform = timed.getFirst().compiled().plan().machine().devices();
    var scratch = Files.createTempDirectory(folder, "drift-");
    try (var drift = new Drift(platform, scratch, threads)) {
      warmUp(timed);
      for (int round = 0; round < rounds; round++) {
        timed.forEach(one -> one.time(drift));
      }
    } finally {
      remove(scratch);
    }
  }

  /**
   * In turn, until none gets faster: what is compiled for one plan is compiled anew when another
   * uses it otherwise.
   */
  private static void warmUp(List<TimedPlan> timed) {
    boolean steady = false;
    for (int i = 0; i < MOST_WARM_UPS && !steady; i++) {
      steady = true;
      for (var one : timed) {
        steady &= one.warmUp();
      }
    }
  }

  private static void remove(Path folder) throws IOException {
    try (var files = Files.walk(folder)) {
      for (var file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  /** A plan on this machine; nothing where it does not fit. */
  private Optional<TimedPlan> open(HeldOut one, String name)
      throws IOException, ModelFormatException {
    return switch (Compiler.compile(
        one.text(name), folder.resolve(name + ".stow"), Settings.none())) {
      case Compilation.Compiled compiled ->
          Optional.of(new TimedPlan(one, compiled, folder, threads));
      case Compilation.Infeasible _ -> Optional.empty();
      case Compilation.Erroneous(var diagnostics) ->
          throw new IllegalStateException(one.text(name) + diagnostics);
    };
  }

  private static void tellHeader() {
    say("");
    say("tokens a second as predicted, as measured, and measured less the machine's drift since");
    say("its calibration; errors are predicted / measured - 1, those of phases less drift too;");
    say("spread is slowest / fastest block - 1");
    say(
        "%9s %9s %9s %8s %8s %8s %8s %8s  plan",
        "predicted", "measured", "- drift", "error", "- drift", "prefill", "decode", "spread");
  }

  private static void report(TimedPlan one, ObjectNode json) {
    if (one.drive().isPresent()) {
      say(
          "drive: busy %.4f s predicted, %.4f s counted by the emulator  %s",
          one.predictedDrive(), one.measuredDrive(), one.source().words());
      add(json, DRIVES, one.source().words())
          .put("predicted_drive_s", one.predictedDrive())
          .put("counted_drive_s", one.measuredDrive());
      return;
    }
    double measured = one.predictedTokens() / one.measuredTokens() - 1;
    double corrected = one.predictedTokens() / one.correctedTokens() - 1;
    say(
        "%9.1f %9.1f %9.1f %+7.1f%% %+7.1f%% %+7.1f%% %+7.1f%% %7.1f%%  %s",
        one.predictedTokens(),
        one.measuredTokens(),
        one.correctedTokens(),
        100 * measured,
        100 * corrected,
        100 * (one.correctedPrefill() / one.predictedPrefill() - 1),
        100 * (one.correctedDecode() / one.predictedDecode() - 1),
        100 * one.spread(),
        one.source().words());
    add(json, PLANS, one.source().words())
        .put("predicted_tok_per_s", one.predictedTokens())
        .put("measured_tok_per_s", one.measuredTokens())
        .put("corrected_tok_per_s", one.correctedTokens())
        .put("predicted_prefill_s", one.predictedPrefill())
        .put("measured_prefill_s", one.measuredPrefill())
        .put("corrected_prefill_s", one.correctedPrefill())
        .put("predicted_decode_s", one.predictedDecode())
        .put("measured_decode_s", one.measuredDecode())
        .put("corrected_decode_s", one.correctedDecode())
        .put("spread", one.spread());
  }

  /** How far predictions were off, of all plans that the JSON holds. */
  private static void tellErrors(String against, ObjectNode json) {
    var errors = new ArrayList<Double>();
    for (var plan : json.withArray(PLANS)) {
      double predicted = plan.path("predicted_tok_per_s").asDouble();
      errors.add(Math.abs(predicted / plan.path(against + "_tok_per_s").asDouble() - 1));
    }
    if (!errors.isEmpty()) {
      var sizes = errors.stream().mapToDouble(Double::doubleValue).toArray();
      double median = TimedPlan.quantile(sizes, 0.5);
      double p95 = TimedPlan.quantile(sizes, 0.95);
      json.put("median_error_" + against, median).put("p95_error_" + against, p95);
      say(
          "median error %.1f%%, p95 %.1f%% of %d plans, against tokens a second as %s",
          100 * median, 100 * p95, sizes.length, against);
    }
  }

  // -- chosen and grid

  private void regret(HeldOut one, ObjectNode json) throws IOException, ModelFormatException {
    var timed = new ArrayList<TimedPlan>();
    try {
      timed.add(open(one, "chosen").orElseThrow());
      for (var shape : GRID) {
        var at = new HeldOut(one.model(), shape, one.devices(), one.place(), one.approximate());
        open(at, "grid" + timed.size()).ifPresent(timed::add);
      }
      time(timed);
      var chosen = timed.getFirst();
      var best = timed.stream().max(Comparator.comparingDouble(TimedPlan::bestTokens));
      double regret = 1 - chosen.bestTokens() / best.orElseThrow().bestTokens();
      say("");
      say("%s%s", one.model().folder(), one.devices().isEmpty() ? "" : ", " + one.devices());
      var node = add(json, REGRET, one.words() + " " + one.devices());
      node.put("regret", regret);
      var grid = node.putArray("shapes");
      for (var shape : timed) {
        var batch = shape.compiled().plan().batch();
        say(
            "%9.1f tok/s, at best %9.1f, predicted %9.1f: %d sequences in %d micro-batches%s",
            shape.measuredTokens(),
            shape.bestTokens(),
            shape.predictedTokens(),
            batch.sequences(),
            batch.microBatches(),
            shape == chosen ? " (chosen)" : "");
        grid.addObject()
            .put("sequences", batch.sequences())
            .put("micro_batches", batch.microBatches())
            .put("predicted_tok_per_s", shape.predictedTokens())
            .put("measured_tok_per_s", shape.measuredTokens())
            .put("best_tok_per_s", shape.bestTokens());
      }
      say("regret %.1f%%", 100 * regret);
    } finally {
      timed.forEach(TimedPlan::close);
    }
  }

  private static void say(String form, Object... values) {
    System.out.printf(Locale.ROOT, form + "%n", values);
  }
}
