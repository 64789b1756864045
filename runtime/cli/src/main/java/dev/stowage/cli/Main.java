package dev.stowage.cli;

import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.device.DeviceException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.HelpCommand;

/** The {@code stowage} command. */
@Command(
    name = "stowage",
    description = "Declares how a large language model is stowed over devices, and runs it so.",
    mixinStandardHelpOptions = true,
    version = "stowage 0.1.0",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      CheckCommand.class,
      TestCommand.class,
      CompileCommand.class,
      ExplainCommand.class,
      SimulateCommand.class,
      WhatIfCommand.class,
      RunCommand.class,
      BenchCommand.class,
      ServeCommand.class,
      CalibrateCommand.class,
      ScoreCommand.class,
      InspectCommand.class,
      FmtCommand.class,
      ImportCommand.class,
      BatchCommand.class,
      HelpCommand.class
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:good",
      "1:a bug of Stowage",
      "2:the command line is wrong",
      "3:the plan has errors",
      "4:no placement keeps all that the plan says",
      "5:an expectation or --locked failed, or a file is not laid out",
      "6:the machine lacks what the plan needs",
      "130:interrupted"
    })
public final class Main {
  private Main() {}

  public static void main(String[] args) {
    var interrupt = new Interrupt();
    interrupt.watch();
    System.exit(run(args, Console.system(interrupt)));
  }

  /** Runs a command; returns the exit code. Throws nothing. */
  static int run(String[] args, Console console) {
    var line = new CommandLine(new Main(), new Commands(console));
    line.setOut(new PrintWriter(console.out(), true, StandardCharsets.UTF_8));
    line.setErr(new PrintWriter(console.err(), true, StandardCharsets.UTF_8));
    line.setColorScheme(CommandLine.Help.defaultColorScheme(console.colour() ? Ansi.ON : Ansi.OFF));
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setParameterExceptionHandler((e, arguments) -> usage(e, console));
    line.setExecutionExceptionHandler((e, command, parsed) -> report(e, console).code());
    int code;
    try {
      code = args.length == 0 ? line.execute("--help") : line.execute(args);
    } catch (OutOfMemoryError | StackOverflowError e) {
      code = report(e, console).code();
    }
    console.out().flush();
    return console.interrupt().requested() ? Exit.INTERRUPTED.code() : code;
  }

  private static int usage(CommandLine.ParameterException e, Console console) {
    var command = e.getCommandLine().getCommandSpec().qualifiedName();
    console.err().println(command + ": " + oneLine(e.getMessage()));
    console.err().println("  see: " + command + " --help");
    return Exit.USAGE.code();
  }

  /** One line for what the user or the machine can mend; a short report for a bug of ours. */
  private static Exit report(Throwable e, Console console) {
    return switch (e) {
      case Failure failure -> {
        if (failure.getMessage() != null) {
          console.say(oneLine(failure.getMessage()));
        }
        yield failure.exit();
      }
      case DeviceException device -> {
        console.say(oneLine(device.getMessage()));
        yield Exit.MACHINE_LACKS;
      }
      case ModelFormatException model -> {
        console.say(oneLine(model.getMessage()));
        yield Exit.MACHINE_LACKS;
      }
      case OutOfMemoryError memory -> {
        console.say("the machine has too little memory for this: " + oneLine(memory.getMessage()));
        yield Exit.MACHINE_LACKS;
      }
      case Throwable bug -> {
        bugReport(bug, console);
        yield Exit.BUG;
      }
    };
  }

  private static void bugReport(Throwable bug, Console console) {
    console.say("this is a bug of Stowage, not of yours; please report these lines:");
    console.err().printf("  stowage 0.1.0, Java %s, %s%n", Runtime.version(), system());
    for (Throwable cause = bug; cause != null; cause = cause.getCause()) {
      console.err().println("  " + oneLine(cause.toString()));
      var trace = cause.getStackTrace();
      for (int i = 0; i < Math.min(trace.length, 8); i++) {
        console.err().println("    at " + trace[i]);
      }
    }
  }

  private static String system() {
    return System.getProperty("os.name") + " " + System.getProperty("os.arch");
  }

  private static String oneLine(String message) {
    return message == null ? "no further word" : message.replaceAll("\\s*\\R\\s*", " ");
  }

  /** Gives every command the console. */
  private record Commands(Console console) implements CommandLine.IFactory {
    @Override
    public <K> K create(Class<K> type) throws Exception {
      for (var constructor : type.getDeclaredConstructors()) {
        if (constructor.getParameterCount() == 1
            && constructor.getParameterTypes()[0] == Console.class) {
          return type.cast(constructor.newInstance(console));
        }
      }
      return CommandLine.defaultFactory().create(type);
    }
  }
}
