package dev.stowage.cli;

import dev.stowage.plan.text.AtomicFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code stowage explain}: what goes where, why, and what it is expected to yield. */
@Command(
    name = "explain",
    description = "Explains a plan: shares, bytes, schedule, prediction, what limits it.",
    mixinStandardHelpOptions = true)
final class ExplainCommand implements Callable<Integer> {
  /** How an explanation is written. */
  enum Form {
    HUMAN,
    JSON,
    HTML;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final Console console;

  @Parameters(index = "0", paramLabel = "FILE", description = "A .stow file or a .stowplan.")
  private Path file;

  @Mixin private CompileOptions options = new CompileOptions();

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description = "${COMPLETION-CANDIDATES}; default: ${DEFAULT-VALUE}.")
  private Form form = Form.HUMAN;

  @Option(
      names = "-o",
      paramLabel = "OUT",
      description = "Where the explanation goes; default: standard output.")
  private Path out;

  @Option(
      names = "--measured",
      paramLabel = "RUN.json",
      description = "What 'stowage run --format json' printed: measured beside predicted.")
  private Path measured;

  @Option(
      names = "--as",
      paramLabel = "TOOL",
      description =
          "The plan in another tool's nearest words instead: flexgen, llama.cpp, accelerate.")
  private String as;

  @Option(
      names = "--cost-model",
      paramLabel = "MODEL",
      description = "What another cost model says of the plan instead: flexgen.")
  private String costModel;

  @Option(
      names = "--constant",
      paramLabel = "NAME=VALUE",
      description = "With --cost-model: one of its constants, in B/s or FLOP/s; may be repeated.")
  private Map<String, Double> constants = Map.of();

  @Option(
      names = "--advice",
      description = "Says what to buy next, what your statements cost, and what else was possible.")
  private boolean advice;

  ExplainCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    requireOneForm();
    var planned = PlanCompiler.open(file, options, console);
    write(text(planned));
    return (planned.expectationMissed() ? Exit.EXPECTATION_FAILED : Exit.GOOD).code();
  }

  private void requireOneForm() {
    if (costModel == null && !constants.isEmpty()) {
      throw Failure.usage("--constant goes with --cost-model");
    }
    if (as != null && costModel != null) {
      throw Failure.usage("--as and --cost-model are two different answers");
    }
    if ((as != null || costModel != null) && (measured != null || advice)) {
      throw Failure.usage("--measured and --advice go with the plan's own explanation");
    }
    if (as != null && form != Form.HUMAN || costModel != null && form == Form.HTML) {
      throw Failure.usage(
          "--format %s cannot be had of %s".formatted(form, as != null ? "--as" : "--cost-model"));
    }
  }

  private String text(Planned planned) {
    if (as != null) {
      return Migration.write(as, planned);
    }
    if (costModel != null) {
      return Migration.cost(costModel, constants, form == Form.JSON, planned);
    }
    return PlanReport.explain(planned, form, advice, Optional.ofNullable(measured), console);
  }

  private void write(String text) {
    if (out == null) {
      console.out().print(text);
      return;
    }
    try {
      AtomicFile.write(console.resolve(out), text.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw Failure.machine("%s cannot be written: %s".formatted(out, e.getMessage()));
    }
    console.say("wrote %s".formatted(out));
  }
}
