package dev.stowage.cli;

import dev.stowage.compiler.explain.Comparison;
import dev.stowage.compiler.explain.Explanation;
import dev.stowage.compiler.explain.HtmlReport;
import dev.stowage.compiler.explain.HumanReport;
import dev.stowage.compiler.explain.JsonReport;
import dev.stowage.compiler.explain.Measured;
import dev.stowage.compiler.explain.RunFile;
import dev.stowage.compiler.explain.Simulation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Plans explained and compared, apart from the commands: those are loaded whatever is run. */
final class PlanReport {
  private PlanReport() {}

  /** All there is to say of a plan, beside a run of it where one is given. */
  static String explain(
      Planned planned,
      ExplainCommand.Form form,
      boolean advised,
      Optional<Path> measured,
      Console console) {
    var explained = explanation(planned);
    if (advised) {
      var advice =
          planned
              .advice()
              .orElseThrow(
                  () -> Failure.usage("--advice needs the .stow file: a .stowplan is decided"));
      explained = explained.with(advice.get());
    }
    if (measured.isPresent()) {
      explained = explained.with(measured(measured.get(), console));
    }
    return switch (form) {
      case HUMAN -> HumanReport.render(explained);
      case JSON -> Json.text(JsonReport.render(simulated(planned, explained)));
      case HTML -> HtmlReport.render(simulated(planned, explained));
    };
  }

  private static Explanation simulated(Planned planned, Explanation explained) {
    return Simulation.of(planned.plan(), planned.schedule()).map(explained::with).orElse(explained);
  }

  /** What changes from one plan to another. */
  static String compare(String nameOfA, Planned a, String nameOfB, Planned b, Format format) {
    var comparison = Comparison.of(nameOfA, explanation(a), nameOfB, explanation(b));
    return switch (format) {
      case HUMAN -> comparison.human();
      case JSON -> Json.text(comparison.json());
    };
  }

  private static Explanation explanation(Planned planned) {
    return planned
        .explanation()
        .orElseGet(() -> Explanation.of(planned.plan(), planned.schedule()));
  }

  private static Measured measured(Path file, Console console) {
    var path = console.resolve(file);
    if (!Files.isRegularFile(path)) {
      throw Failure.usage("%s: no such file".formatted(file));
    }
    try {
      return RunFile.read(path);
    } catch (RunFile.FormatException e) {
      throw Failure.usage("%s: %s".formatted(file, e.getMessage()));
    } catch (IOException e) {
      throw Failure.machine("%s cannot be read: %s".formatted(file, e.getMessage()));
    }
  }
}
