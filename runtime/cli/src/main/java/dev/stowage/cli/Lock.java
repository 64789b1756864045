package dev.stowage.cli;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Settings;
import dev.stowage.compiler.lock.Decisions;
import dev.stowage.compiler.lock.LockFile;
import dev.stowage.plan.text.Table;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The lock file beside a source: {@code compile} writes it, {@code --locked} holds to it. */
final class Lock {
  private Lock() {}

  /** Writes or replaces the entry of these settings. */
  static void write(Path file, Settings settings, Compilation.Compiled compiled, Console console) {
    var path = path(file, console);
    var lock = Files.exists(path) ? read(file, path) : LockFile.empty();
    var decisions = decisions(file, compiled, console);
    try {
      lock.with(LockFile.key(settings), decisions).write(path);
    } catch (IOException e) {
      throw Failure.machine("%s.lock cannot be written: %s".formatted(file, e));
    }
  }

  /** Fails unless the entry of these settings says what was just compiled. */
  static void require(
      Path file, Settings settings, Compilation.Compiled compiled, Console console) {
    var path = path(file, console);
    if (!Files.exists(path)) {
      throw new Failure(
          Exit.EXPECTATION_FAILED,
          "--locked, but there is no %s.lock; 'stowage compile %s' writes it"
              .formatted(file, file));
    }
    String key = LockFile.key(settings);
    var locked =
        read(file, path)
            .entry(key)
            .orElseThrow(
                () ->
                    new Failure(
                        Exit.EXPECTATION_FAILED,
                        "--locked, but %s.lock has no entry for %s".formatted(file, key)));
    var decisions = decisions(file, compiled, console);
    var differences = decisions.differencesFrom(locked);
    if (!differences.isEmpty()) {
      var table = new Table("decision", "asked", "was", "would be");
      for (var difference : differences) {
        table.row(
            difference.name(),
            shown(difference.asked()),
            shown(difference.was()),
            shown(difference.wouldBe()));
      }
      console.err().print(table.text());
      var changed = decisions.inputsThatChanged(locked);
      throw new Failure(
          Exit.EXPECTATION_FAILED,
          "--locked, but %s compiles differently than %s.lock says in %d %s%s"
              .formatted(
                  file,
                  file,
                  differences.size(),
                  differences.size() == 1 ? "decision" : "decisions",
                  changed.isEmpty() ? "" : "; changed since: " + String.join(", ", changed)));
    }
  }

  private static String shown(String word) {
    return word.isEmpty() ? "-" : word;
  }

  private static Path path(Path file, Console console) {
    return LockFile.beside(console.resolve(file));
  }

  private static Decisions decisions(Path file, Compilation.Compiled compiled, Console console) {
    try {
      return Decisions.of(console.resolve(file), compiled);
    } catch (IOException e) {
      throw Failure.machine("%s cannot be read again: %s".formatted(file, e.getMessage()));
    }
  }

  private static LockFile read(Path file, Path path) {
    try {
      return LockFile.read(path);
    } catch (LockFile.FormatException e) {
      throw new Failure(Exit.PLAN_ERRORS, "%s.lock: %s; remove it".formatted(file, e.getMessage()));
    } catch (IOException e) {
      throw Failure.machine("%s.lock cannot be read: %s".formatted(file, e.getMessage()));
    }
  }
}
