package dev.stowage.cli;

import dev.stowage.dsl.StowParser;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code stowage fmt}: lays sources out as the editor does. */
@Command(
    name = "fmt",
    description = "Lays plans out: indentation, blanks, lined-up columns. Comments stay.",
    mixinStandardHelpOptions = true)
final class FmtCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(arity = "1..*", paramLabel = "FILE", description = ".stow files.")
  private List<Path> files;

  @Option(
      names = "--check",
      description = "Writes nothing; fails with 5 and names the files that are not laid out.")
  private boolean check;

  FmtCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    files.forEach(file -> PlanKind.requireSource(file, console));
    var exit = Exit.GOOD;
    for (var file : files) {
      var text = SourceText.read(file, console);
      var laidOut = StowParser.format(text);
      if (laidOut.isEmpty()) {
        var found = StowParser.parse(text, console.resolve(file)).diagnostics();
        new DiagnosticPrinter(console, java.util.Map.of()).print(found);
        console.say("%s: left alone, since it cannot be read".formatted(file));
        exit = Exit.PLAN_ERRORS;
      } else if (!laidOut.get().equals(text)) {
        console.say("%s: %s".formatted(file, check ? "is not laid out" : "laid out"));
        if (!check) {
          SourceText.write(file, laidOut.get(), console);
        } else if (exit == Exit.GOOD) {
          exit = Exit.EXPECTATION_FAILED;
        }
      }
    }
    return exit.code();
  }
}
