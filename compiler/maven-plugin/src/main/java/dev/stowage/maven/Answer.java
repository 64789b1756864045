package dev.stowage.maven;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What became of one command.
 *
 * @param exit the command's exit code
 * @param findings its diagnostics, those of tests that failed too, where it prints them as JSON
 * @param inputs files and folders that the answer depends on, where it names them
 * @param out its standard output
 * @param err its standard error
 */
record Answer(int exit, List<Finding> findings, List<Path> inputs, String out, String err) {
  static final int GOOD = 0;
  static final int BUG = 1;
  static final int USAGE = 2;
  static final int EXPECTATION_FAILED = 5;

  Answer {
    findings = List.copyOf(findings);
    inputs = List.copyOf(inputs);
  }

  /** Reads a line of a batch; relative files in it start from the folder. */
  static Answer of(Map<String, Object> line, Path folder) {
    String out = Json.text(line, "out");
    var findings = new ArrayList<Finding>();
    var inputs = new ArrayList<Path>();
    if (out.startsWith("{\"schemaVersion\"")) {
      var result = Json.object(Json.read(out));
      for (var diagnostic : Json.array(result.get("diagnostics"))) {
        findings.add(Finding.of(Json.object(diagnostic), folder));
      }
      for (var element : Json.array(result.get("tests"))) {
        for (var failure : Json.array(Json.object(element).get("failures"))) {
          findings.add(Finding.of(Json.object(failure), folder));
        }
      }
      for (var input : Json.array(result.get("inputs"))) {
        inputs.add(folder.resolve(input.toString()));
      }
    }
    return new Answer(
        (int) Json.number(line, "exit"), findings, inputs, out, Json.text(line, "err"));
  }

  boolean hasWarnings() {
    return findings.stream().anyMatch(f -> f.severity() == Finding.Severity.WARNING);
  }

  boolean hasErrors() {
    return findings.stream().anyMatch(f -> f.severity() == Finding.Severity.ERROR);
  }

  /** What it said besides its findings, without the name it says it under. */
  List<String> words() {
    return err.lines().map(line -> line.replaceFirst("^stowage: ", "")).toList();
  }
}
