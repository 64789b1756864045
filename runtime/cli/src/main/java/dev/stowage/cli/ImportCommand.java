package dev.stowage.cli;

import dev.stowage.plan.text.AtomicFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code stowage import}: another tool's flags become a plan. */
@Command(
    name = "import",
    description = "Makes a plan of another tool's flags; names what it cannot carry over.",
    mixinStandardHelpOptions = true)
final class ImportCommand implements Callable<Integer> {
  private final Console console;

  @Option(
      names = "--from",
      required = true,
      paramLabel = "TOOL",
      description = "flexgen, llama.cpp, accelerate, deepspeed, vllm.")
  private String from;

  @Option(
      names = "--machine",
      paramLabel = "lib:ENTRY",
      description = "The card of the device library to plan for; default: lib:nvidia/t4.")
  private String machine;

  @Option(
      names = "-o",
      paramLabel = "OUT.stow",
      description = "Where the plan goes; default: standard output.")
  private Path out;

  @Parameters(
      arity = "0..*",
      paramLabel = "FLAGS",
      description = "The tool's own words, after --; a configuration file where it has one.")
  private List<String> words = List.of();

  ImportCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    var text = Migration.read(from, words, machine, console);
    if (out == null) {
      console.out().print(text);
      return Exit.GOOD.code();
    }
    try {
      AtomicFile.write(console.resolve(out), text.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw Failure.machine("%s cannot be written: %s".formatted(out, e.getMessage()));
    }
    console.say("wrote %s".formatted(out));
    return Exit.GOOD.code();
  }
}
