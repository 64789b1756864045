package dev.stowage.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.plan.text.Amount;
import dev.stowage.runtime.session.Session;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code stowage bench}: measured rates beside the predicted ones. */
@Command(
    name = "bench",
    description = "Measures full blocks of a plan, and shows the rates beside the predicted ones.",
    mixinStandardHelpOptions = true)
final class BenchCommand implements Callable<Integer> {
  private static final int MOST = 10_000;

  private final Console console;

  @Parameters(paramLabel = "FILE", description = "A .stow file or a .stowplan.")
  private Path file;

  @Mixin private CompileOptions options = new CompileOptions();
  @Mixin private ThreadOption threads = new ThreadOption();

  @Option(
      names = {"-r", "--repetitions"},
      paramLabel = "N",
      description = "Blocks that are measured; default: ${DEFAULT-VALUE}.")
  private int repetitions = 5;

  @Option(
      names = "--warm-up",
      paramLabel = "N",
      description = "Blocks that run before; default: ${DEFAULT-VALUE}.")
  private int warmUp = 1;

  @Option(
      names = "--trace",
      paramLabel = "OUT",
      description =
          "Also runs one more block, and writes a Chrome trace of it beside the simulated lanes.")
  private Path trace;

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description = "${COMPLETION-CANDIDATES}; default: ${DEFAULT-VALUE}.")
  private Form format = Form.MD;

  /** How the table is written. */
  enum Form {
    MD,
    JSON,
    CSV;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  BenchCommand(Console console) {
    this.console = console;
  }

  /**
   * One line of the table.
   *
   * @param rates tokens a second of every repetition
   */
  private record Test(String name, List<Double> rates, double predicted) {
    double mean() {
      return Benchmark.mean(rates);
    }

    double deviation() {
      return Benchmark.deviation(rates);
    }
  }

  @Override
  public Integer call() throws ModelFormatException {
    if (repetitions < 1 || repetitions > MOST || warmUp < 0 || warmUp > MOST) {
      throw Failure.usage(
          "--repetitions takes numbers from 1 to %d, --warm-up from 0".formatted(MOST));
    }
    int workers = threads.threads();
    var planned = planned();
    var before = HostMemory.begin();
    try (var _ = console.interrupt().begin();
        var session =
            Session.open(
                planned.plan(),
                planned.schedule(),
                planned.base(),
                planned.model(),
                workers,
                new Preparation(console))) {
      var benchmark =
          Benchmark.run(planned.plan(), session, warmUp, repetitions, false, console.interrupt());
      var memory = HostMemory.end(before, planned);
      show(planned, benchmark, memory, session.kernels());
      if (trace != null) {
        Benchmark.run(planned.plan(), session, 0, 1, true, console.interrupt());
        LaneTrace.of(planned, session.recording()).write(trace, console);
      }
    }
    return (planned.expectationMissed() ? Exit.EXPECTATION_FAILED : Exit.GOOD).code();
  }

  private Planned planned() {
    return switch (PlanKind.of(file, console)) {
      case COMPILED -> {
        options.refuse(file.toString());
        yield CompiledPlan.read(file, console);
      }
      case SOURCE -> PlanCompiler.compile(file, options, 0, console);
    };
  }

  private static boolean emulated(Planned planned) {
    return planned.plan().machine().devices().stream().anyMatch(device -> device.emulated());
  }

  private static List<Test> tests(Planned planned, Benchmark benchmark) {
    var batch = planned.plan().batch();
    var predicted = planned.plan().predicted();
    var prefill =
        new Test(
            "pp" + batch.promptTokens(), benchmark.prefill(), predicted.prefillTokensPerSecond());
    var decode =
        new Test(
            "tg" + batch.generateTokens(), benchmark.decode(), predicted.decodeTokensPerSecond());
    var both =
        new Test(
            "pp%d+tg%d".formatted(batch.promptTokens(), batch.generateTokens()),
            benchmark.throughput(),
            predicted.throughputTokensPerSecond());
    return Stream.of(prefill, decode, both).filter(test -> !test.rates().isEmpty()).toList();
  }

  private void show(Planned planned, Benchmark benchmark, HostMemory memory, String kernels) {
    var text =
        switch (format) {
          case MD -> markdown(planned, benchmark, memory, kernels);
          case JSON -> Json.text(json(planned, benchmark, memory, kernels));
          case CSV -> csv(planned, tests(planned, benchmark), memory);
        };
    console.out().print(text);
  }

  private String markdown(Planned planned, Benchmark benchmark, HostMemory memory, String kernels) {
    var text = new StringBuilder();
    text.append("| plan | sequences | test | tok/s | predicted tok/s | measured / predicted |\n");
    text.append("| --- | ---: | --- | ---: | ---: | ---: |\n");
    for (var test : tests(planned, benchmark)) {
      text.append(
          Amount.format(
              "| %s | %s | %s | %.2f ± %.2f | %.2f | %s |\n",
              planned.plan().name(),
              planned.plan().batch().sequences(),
              test.name(),
              test.mean(),
              test.deviation(),
              test.predicted(),
              test.predicted() > 0 ? Amount.percent(test.mean() / test.predicted()) : "-"));
    }
    text.append(
        Amount.format(
            "\nmean ± standard deviation of %s blocks after %s to warm up; tg: %s\n",
            repetitions,
            warmUp,
            "tokens of sweeps without prompts; pp+tg: generated over all time"));
    text.append(held(benchmark));
    text.append("lanes: ");
    for (var lane : benchmark.lanes()) {
      text.append(
          Amount.format(
              "%s busy %s, ",
              lane.name(), Amount.percent(Benchmark.busy(lane) / benchmark.seconds())));
    }
    text.append(
        Amount.format(
            "time over that of each phase's largest %.2f\n", benchmark.overLargestLane()));
    if (!memory.human().isEmpty()) {
      text.append("memory: ").append(memory.human());
    }
    text.append("kernels: ").append(kernels).append('\n');
    if (emulated(planned)) {
      text.append("a drive is emulated: its part of the time is not a real drive's\n");
    }
    return text.toString();
  }

  private static String held(Benchmark benchmark) {
    return benchmark
        .held()
        .map(
            kv ->
                Amount.format(
                    "a stream of requests, begun one after another; kv held: %s on average, %s at most, of %s planned; all at their longest would hold %s\n",
                    Amount.bytes(kv.meanBytes()),
                    Amount.bytes(kv.mostBytes()),
                    Amount.bytes(kv.plannedBytes()),
                    Amount.bytes(kv.wholeBytes())))
        .orElse("");
  }

  private ObjectNode json(Planned planned, Benchmark benchmark, HostMemory memory, String kernels) {
    var json = Json.result().put("plan", planned.plan().name());
    json.put("sequences", planned.plan().batch().sequences());
    json.put("repetitions", repetitions).put("warm_up", warmUp);
    json.put("kernels", kernels).put("emulated", emulated(planned));
    var array = json.putArray("tests");
    for (var test : tests(planned, benchmark)) {
      var node = array.addObject().put("test", test.name());
      node.put("mean_tok_per_s", test.mean()).put("sd_tok_per_s", test.deviation());
      node.put("predicted_tok_per_s", test.predicted());
      test.rates().forEach(node.putArray("samples_tok_per_s")::add);
    }
    benchmark.held().ifPresent(kv -> RunSummary.json(json.putObject("kv_held"), kv));
    memory.json(json.putObject("memory"));
    json.put("measured_s", benchmark.seconds());
    json.put("time_over_largest_lane", benchmark.overLargestLane());
    var lanes = json.putArray("lanes");
    for (var lane : benchmark.lanes()) {
      lanes
          .addObject()
          .put("name", lane.name())
          .put("prefill_busy_s", lane.prefillBusySeconds())
          .put("decode_busy_s", lane.decodeBusySeconds());
    }
    return json;
  }

  private String csv(Planned planned, List<Test> tests, HostMemory memory) {
    var text =
        new StringBuilder(
            "plan,sequences,repetitions,test,mean_tok_per_s,sd_tok_per_s,predicted_tok_per_s,resident_before_bytes,peak_resident_bytes,promised_host_bytes\n");
    for (var test : tests) {
      text.append(
          Amount.format(
              "%s,%d,%d,%s,%.4f,%.4f,%.4f,%s,%s,%d\n",
              planned.plan().name(),
              planned.plan().batch().sequences(),
              repetitions,
              test.name(),
              test.mean(),
              test.deviation(),
              test.predicted(),
              cell(memory.before()),
              cell(memory.peak()),
              memory.promised()));
    }
    return text.toString();
  }

  private static String cell(OptionalLong bytes) {
    return bytes.isPresent() ? Long.toString(bytes.getAsLong()) : "";
  }
}
