package dev.stowage.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/**
 * {@code stowage batch}: many commands in one process, for build tools. Standard input has a line
 * for each: a JSON array of its arguments. Standard output gets a line for each, in their order:
 * {@code {"schemaVersion":1,"exit":0,"out":"…","err":"…"}}.
 */
@Command(
    name = "batch",
    hidden = true,
    description = "Carries out the commands on standard input: a JSON array of arguments a line.",
    mixinStandardHelpOptions = true)
final class BatchCommand implements Callable<Integer> {
  private final Console console;

  BatchCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws IOException {
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      if (console.interrupt().requested()) {
        return Exit.INTERRUPTED.code();
      }
      if (!line.isBlank()) {
        carryOut(arguments(line));
      }
    }
    return Exit.GOOD.code();
  }

  private static String[] arguments(String line) {
    try {
      var arguments = Json.MAPPER.readValue(line, String[].class);
      if (arguments.length == 0 || arguments[0].equals("batch")) {
        throw Failure.usage("a line of a batch names a command other than batch");
      }
      return arguments;
    } catch (JsonProcessingException e) {
      throw Failure.usage("a line of a batch is a JSON array of arguments");
    }
  }

  private void carryOut(String[] arguments) {
    var out = new ByteArrayOutputStream();
    var err = new ByteArrayOutputStream();
    var inner =
        new Console(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            false,
            console.directory(),
            console.interrupt());
    int exit = Main.run(arguments, inner);
    var result = Json.result();
    result.put("exit", exit);
    result.put("out", out.toString(StandardCharsets.UTF_8));
    result.put("err", err.toString(StandardCharsets.UTF_8));
    Json.print(result, console);
    console.out().flush();
  }
}
