package dev.stowage.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where a command reads its surroundings and writes to.
 *
 * @param out the result
 * @param err progress, summaries, diagnostics
 * @param colour whether {@code err} is a terminal whose user wants colours
 * @param directory what relative arguments start from
 * @param interrupt whether the user wants the command to end
 */
record Console(
    PrintStream out, PrintStream err, boolean colour, Path directory, Interrupt interrupt) {
  /** This process's streams, in UTF-8 whatever the locale. */
  static Console system(Interrupt interrupt) {
    boolean colour =
        System.console() != null
            && isTerminal("/proc/self/fd/2")
            && System.getenv("NO_COLOR") == null;
    return new Console(
        stream(FileDescriptor.out), stream(FileDescriptor.err), colour, Path.of(""), interrupt);
  }

  /** Whether the system's name of a stream leads to a terminal, or there is no such name. */
  private static boolean isTerminal(String stream) {
    try {
      var target = Files.readSymbolicLink(Path.of(stream)).toString();
      return target.startsWith("/dev/") && !target.equals("/dev/null");
    } catch (IOException e) {
      return true;
    }
  }

  private static PrintStream stream(FileDescriptor descriptor) {
    return new PrintStream(new FileOutputStream(descriptor), true, StandardCharsets.UTF_8);
  }

  /** A line of progress or advice. */
  void say(String line) {
    err.println("stowage: " + line);
  }

  Path resolve(Path argument) {
    return directory.resolve(argument);
  }
}
