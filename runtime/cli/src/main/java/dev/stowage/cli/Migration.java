package dev.stowage.cli;

import dev.stowage.compiler.migrate.Exports;
import dev.stowage.compiler.migrate.FlexGenReport;
import dev.stowage.compiler.migrate.Hardware;
import dev.stowage.compiler.migrate.ImportException;
import dev.stowage.compiler.migrate.Importer;
import java.util.List;
import java.util.Map;

/**
 * Plans from and to other tools' words, apart from the commands: those are loaded whatever runs.
 */
final class Migration {
  private Migration() {}

  /**
   * The plan's text; says what is not carried over.
   *
   * @param machine a library entry, or null for the usual machine
   */
  static String read(String from, List<String> words, String machine, Console console) {
    try {
      var hardware = machine == null ? Hardware.T4 : Hardware.of(machine);
      var imported = Importer.of(from).read(words, hardware, console.directory());
      imported
          .notes()
          .forEach(
              note -> console.say("not carried over: %s: %s".formatted(note.flag(), note.why())));
      return imported.planText();
    } catch (ImportException e) {
      throw Failure.usage(e.getMessage());
    }
  }

  /** A plan as another tool's nearest flags. */
  static String write(String as, Planned planned) {
    try {
      return Exports.of(as, planned.plan(), planned.schedule());
    } catch (ImportException e) {
      throw Failure.usage(e.getMessage());
    }
  }

  /** What another tool's cost model says of a plan. */
  static String cost(String model, Map<String, Double> constants, boolean json, Planned planned) {
    if (!model.equals("flexgen")) {
      throw Failure.usage("--cost-model: '%s' is none of flexgen".formatted(model));
    }
    try {
      var report = new FlexGenReport(planned.plan(), constants);
      return json ? Json.text(report.json()) : report.human();
    } catch (ImportException e) {
      throw Failure.usage(e.getMessage());
    }
  }
}
