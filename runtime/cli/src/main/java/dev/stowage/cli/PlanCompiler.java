package dev.stowage.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Expectations;
import dev.stowage.compiler.Observed;
import dev.stowage.compiler.Settings;
import dev.stowage.compiler.explain.AdviceText;
import dev.stowage.compiler.explain.Explanation;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Levels;
import dev.stowage.dsl.Severity;
import dev.stowage.dsl.StowParser;
import dev.stowage.plan.model.GgufModel;
import dev.stowage.plan.model.ModelFolder;
import dev.stowage.plan.model.ModelHeaders;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** Sources become plans here, and diagnostics become text and exit codes. */
final class PlanCompiler {
  /** Share of this machine's memory and disk that the smallest plan takes. */
  private static final double SHARE = 0.7;

  private PlanCompiler() {}

  /**
   * Compiles a source.
   *
   * @param longestPrompt a prompt that has to fit; 0 for what the source says
   */
  static Planned compile(Path file, CompileOptions options, int longestPrompt, Console console) {
    var source = console.resolve(file).toAbsolutePath().normalize();
    var settings =
        new Settings(
            options.values(),
            options.variant(),
            longestPrompt > 0 ? OptionalInt.of(longestPrompt) : OptionalInt.empty());
    var compilation = Compiler.compile(source, settings);
    var printer = new DiagnosticPrinter(console, Map.of());
    var planned = planned(compilation, source.getParent(), printer);
    if (options.locked() && compilation instanceof Compilation.Compiled compiled) {
      Lock.require(file, settings, compiled, console);
    }
    return planned;
  }

  /** A plan from its source or from what it was compiled to. */
  static Planned open(Path file, CompileOptions options, Console console) {
    return switch (PlanKind.of(file, console)) {
      case COMPILED -> {
        options.refuse(file.toString());
        yield CompiledPlan.read(file, console);
      }
      case SOURCE -> compile(file, options, 0, console);
    };
  }

  /** Checks a source; prints what there is to say of it in the form asked for. */
  static Exit check(Path file, CompileOptions options, Format format, Console console) {
    var source = console.resolve(file).toAbsolutePath().normalize();
    var compilation = Compiler.review(source, settings(options));
    var exit = exit(compilation);
    switch (format) {
      case HUMAN -> {
        new DiagnosticPrinter(console, Map.of()).print(compilation.diagnostics());
        if (exit == Exit.GOOD) {
          console.say("%s: good".formatted(file));
        }
      }
      case JSON -> Json.print(result(source, compilation, console), console);
    }
    if (exit == Exit.GOOD
        && options.locked()
        && compilation instanceof Compilation.Compiled compiled) {
      Lock.require(file, settings(options), compiled, console);
    }
    return exit;
  }

  /**
   * Compiles a source and writes the plan, and the lock file where it is not to stay as it is;
   * prints what there is to say of it in the form asked for.
   */
  static Exit write(
      Path file, Path target, CompileOptions options, Format format, Console console) {
    var source = console.resolve(file).toAbsolutePath().normalize();
    var compilation = compilation(source, options);
    var exit = exit(compilation);
    if (format == Format.HUMAN) {
      new DiagnosticPrinter(console, Map.of()).print(compilation.diagnostics());
    }
    if (exit == Exit.GOOD && compilation instanceof Compilation.Compiled compiled) {
      if (options.locked()) {
        Lock.require(file, settings(options), compiled, console);
      } else {
        Lock.write(file, settings(options), compiled, console);
      }
      var printer = new DiagnosticPrinter(console, Map.of());
      CompiledPlan.write(planned(compiled, source.getParent(), printer), target, console);
      console.say("wrote %s".formatted(target));
    } else if (exit == Exit.EXPECTATION_FAILED) {
      console.say("nothing was written, because an expectation failed");
    }
    if (format == Format.JSON) {
      Json.print(result(source, compilation, console), console);
    }
    return exit;
  }

  private static Compilation compilation(Path source, CompileOptions options) {
    return Compiler.compile(source, settings(options));
  }

  private static Settings settings(CompileOptions options) {
    return new Settings(options.values(), options.variant(), OptionalInt.empty());
  }

  /**
   * The files and folders that an answer depends on, those that are not there but would count
   * included: sources, models and levels of diagnostics.
   */
  static void inputs(ArrayNode array, Path source) {
    var parsed = StowParser.parse(source);
    var inputs = new ArrayList<>(parsed.files());
    inputs.addAll(parsed.models());
    for (var levels : Levels.lookedFor(source)) {
      inputs.add(levels);
      if (Files.exists(levels)) {
        break;
      }
    }
    inputs.forEach(input -> array.add(input.toString()));
  }

  /** What became of a source, what there is to say of it, and all that the answer depends on. */
  private static ObjectNode result(Path source, Compilation compilation, Console console) {
    var result = Json.result();
    result.put("status", exit(compilation).name().toLowerCase(Locale.ROOT));
    diagnostics(result.putArray("diagnostics"), compilation.diagnostics(), console);
    inputs(result.putArray("inputs"), source);
    return result;
  }

  /**
   * Writes and compiles the smallest plan for a model: this machine's memory and a scratch folder
   * on its disk, nothing decided by hand.
   */
  static Planned smallest(ModelHeaders model, Room room, Console console) {
    try {
      var scratch = Files.createTempDirectory("stowage-");
      scratch.toFile().deleteOnExit(); // devices remove their files themselves
      String text = smallestText(model, room, scratch);
      var file = scratch.resolve("smallest.stow");
      var printer = new DiagnosticPrinter(console, Map.of(file.toString(), text));
      return planned(Compiler.compile(text, file, Settings.none()), scratch, printer);
    } catch (IOException e) {
      throw Failure.machine("no scratch folder can be made: " + e.getMessage());
    }
  }

  private static String smallestText(ModelHeaders model, Room room, Path scratch)
      throws IOException {
    long memory = (long) (SHARE * ThisMachine.availableMemoryBytes());
    long disk = (long) (SHARE * Files.getFileStore(scratch).getUsableSpace());
    int generate = Math.max(1, room.positions() - room.promptTokens() + 1);
    return """
    plan smallest
    platform here {
      host ram { memory %d MiB }
      disk ssd { memory %d MiB  path %s }
    }
    model m = %s %s
    workload w { prompt %d tok  generate %d tok  requests %d }
    maximize throughput
    """
        .formatted(
            Math.max(1, memory >> 20),
            Math.max(1, disk >> 20),
            quoted(scratch.toString()),
            switch (model) {
              case ModelFolder _ -> "hf";
              case GgufModel _ -> "gguf";
            },
            quoted(model.path().toAbsolutePath().normalize().toString()),
            room.promptTokens(),
            generate,
            room.requests());
  }

  private static String quoted(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }

  private static Planned planned(Compilation compilation, Path base, DiagnosticPrinter printer) {
    printer.print(
        compilation.diagnostics().stream().filter(d -> d.severity() != Severity.INFO).toList());
    return switch (compilation) {
      case Compilation.Compiled compiled -> planned(compiled, base, printer);
      case Compilation.Erroneous _, Compilation.Infeasible _ ->
          throw new Failure(exit(compilation));
    };
  }

  /** Whether a run is as the plan expects; prints where it is not. */
  private static boolean met(
      Compilation.Compiled compiled, Measured measured, DiagnosticPrinter printer) {
    var missed =
        Expectations.checkMeasured(
            compiled.resolved().expectations(),
            compiled.plan(),
            new Observed(
                measured.throughput(),
                measured.prefillThroughput(),
                measured.decodeThroughput(),
                measured.blockSeconds(),
                measured.tokenSeconds(),
                measured.firstTokenSeconds(),
                measured.requestSeconds()));
    printer.print(missed);
    return missed.stream().noneMatch(Diagnostic::isError);
  }

  private static Planned planned(
      Compilation.Compiled compiled, Path base, DiagnosticPrinter printer) {
    return new Planned(
        compiled.plan(),
        compiled.schedule(),
        base,
        compiled.missesAnExpectation(),
        measured -> met(compiled, measured, printer),
        Optional.of(Explanation.of(compiled)),
        Optional.of(() -> AdviceText.of(compiled)));
  }

  private static Exit exit(Compilation compilation) {
    return switch (compilation) {
      case Compilation.Compiled compiled ->
          compiled.missesAnExpectation() ? Exit.EXPECTATION_FAILED : Exit.GOOD;
      case Compilation.Erroneous _ -> Exit.PLAN_ERRORS;
      case Compilation.Infeasible _ -> Exit.INFEASIBLE;
    };
  }

  static void diagnostics(ArrayNode array, List<Diagnostic> all, Console console) {
    for (var diagnostic : all) {
      var node = array.addObject().put("code", diagnostic.code());
      node.put("severity", diagnostic.severity().name().toLowerCase(Locale.ROOT));
      place(node, diagnostic.span(), console);
      node.put("message", diagnostic.message());
      var related = node.putArray("related");
      diagnostic
          .related()
          .forEach(r -> place(related.addObject().put("note", r.note()), r.span(), console));
      var fixes = node.putArray("fixes");
      diagnostic.fixes().forEach(fix -> fixes.add(fix.title()));
    }
  }

  static void place(ObjectNode node, dev.stowage.dsl.SourceSpan span, Console console) {
    String file = span.file();
    var directory = console.directory().toAbsolutePath().normalize();
    if (!file.startsWith("lib:") && Path.of(file).startsWith(directory)) {
      file = directory.relativize(Path.of(file)).toString();
    }
    node.put("file", file).put("line", span.line()).put("column", span.column());
    node.put("length", span.length());
  }
}
