package dev.stowage.cli;

import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import dev.stowage.dsl.Repair;
import dev.stowage.dsl.StowParser;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/** {@code check --fix}: applies what the diagnostics of a source offer and nobody would refuse. */
final class Mending {
  private final Path file;
  private final String before;
  private final Repair repair;
  private final Console console;

  Mending(Path file, CompileOptions options, Console console) {
    this.file = file;
    this.console = console;
    before = SourceText.read(file, console);
    var source = console.resolve(file).toAbsolutePath().normalize();
    var settings = new Settings(options.values(), options.variant(), OptionalInt.empty());
    repair =
        Repair.of(
            before,
            source.toString(),
            text -> {
              var parsed = StowParser.parse(text, source);
              return parsed.hasErrors()
                  ? parsed.diagnostics()
                  : Compiler.compile(text, source, settings).diagnostics();
            });
  }

  /** Writes the mended source and says what was done. */
  void apply() {
    if (!repair.text().equals(before)) {
      SourceText.write(file, repair.text(), console);
    }
    for (var one : repair.applied()) {
      console.say(
          "%s:%d: %s (%s)"
              .formatted(
                  file,
                  one.diagnostic().span().line(),
                  one.fix().title(),
                  one.diagnostic().code()));
    }
  }

  /** Prints the lines that would change, as a difference. */
  Exit show() {
    var lines = difference(before.lines().toList(), repair.text().lines().toList());
    if (!lines.isEmpty()) {
      console.out().println("--- " + file);
      console.out().println("+++ " + file);
      lines.forEach(console.out()::println);
    }
    return Exit.GOOD;
  }

  /** The differing lines, without the lines around them. */
  private static List<String> difference(List<String> before, List<String> after) {
    int start = 0;
    while (start < Math.min(before.size(), after.size())
        && before.get(start).equals(after.get(start))) {
      start++;
    }
    int end = 0;
    while (end < Math.min(before.size(), after.size()) - start
        && before.get(before.size() - 1 - end).equals(after.get(after.size() - 1 - end))) {
      end++;
    }
    var old = before.subList(start, before.size() - end);
    var now = after.subList(start, after.size() - end);
    var lines = new ArrayList<String>();
    if (old.isEmpty() && now.isEmpty()) {
      return lines;
    }
    lines.add(
        "@@ -%d,%d +%d,%d @@"
            .formatted(
                old.isEmpty() ? start : start + 1,
                old.size(),
                now.isEmpty() ? start : start + 1,
                now.size()));
    old.forEach(line -> lines.add("-" + line));
    now.forEach(line -> lines.add("+" + line));
    return lines;
  }
}
