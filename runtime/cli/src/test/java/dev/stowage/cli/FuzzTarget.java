package dev.stowage.cli;

import dev.stowage.cli.GenerationOptions.Generation;
import dev.stowage.compiler.explain.RunFile;
import dev.stowage.compiler.lock.LockFile;
import dev.stowage.compiler.migrate.Hardware;
import dev.stowage.compiler.migrate.ImportException;
import dev.stowage.compiler.migrate.Importer;
import dev.stowage.dsl.StowParser;
import dev.stowage.plan.model.ModelFolder;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.plan.model.ModelHeaders;
import dev.stowage.plan.text.PlanFormatException;
import dev.stowage.plan.text.PlanParser;
import dev.stowage.plan.text.PlanPrinter;
import dev.stowage.plan.text.ScheduleParser;
import dev.stowage.plan.text.SchedulePrinter;
import dev.stowage.plan.text.StowPlanFile;
import dev.stowage.plan.verify.PlanVerifier;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.tokenizer.Tokenizer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.OptionalInt;

/**
 * The readers of untrusted files. Each may answer any bytes with its own exception, of one line;
 * whatever else it throws is a fault of the reader. What is read is used as far as that needs no
 * other file.
 */
enum FuzzTarget {
  /** The text of a plan: diagnostics lie in the text, and laying it out twice is as once. */
  STOW {
    @Override
    void read(byte[] input, Path folder) {
      var text = utf8(input);
      for (var diagnostic : StowParser.parse(text, folder.resolve("plan.stow")).diagnostics()) {
        var span = diagnostic.span();
        check(span.offset() >= 0, diagnostic);
        check(!diagnostic.message().isBlank(), diagnostic);
      }
      var once = StowParser.format(text);
      check(once.equals(once.flatMap(StowParser::format)), once);
    }
  },

  /** A compiled plan's first half: what is read is printed as a text that reads the same. */
  PLAN {
    @Override
    void read(byte[] input, Path folder) throws Exception {
      try {
        var plan = PlanParser.parse(utf8(input));
        check(plan.equals(PlanParser.parse(PlanPrinter.print(plan))), plan);
        PlanVerifier.verify(plan);
      } catch (PlanFormatException e) {
        oneLine(e);
      }
    }
  },

  /** A compiled plan's second half. */
  SCHEDULE {
    @Override
    void read(byte[] input, Path folder) throws Exception {
      try {
        var schedule = ScheduleParser.parse(utf8(input));
        check(
            schedule.equals(ScheduleParser.parse(SchedulePrinter.print(schedule))),
            schedule.order());
      } catch (PlanFormatException e) {
        oneLine(e);
      }
    }
  },

  /** A compiled plan, with a digest that agrees: what is read has been verified. */
  STOWPLAN {
    @Override
    void read(byte[] input, Path folder) throws Exception {
      var file = new ByteArrayOutputStream();
      file.writeBytes(input);
      var digest = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(input));
      file.writeBytes("sha256 %s\n".formatted(digest).getBytes(StandardCharsets.US_ASCII));
      try {
        StowPlanFile.read(new ByteArrayInputStream(file.toByteArray()), "p.stowplan");
      } catch (PlanFormatException e) {
        oneLine(e);
      }
    }
  },

  /** The start of a model's weights; zeros follow. */
  SAFETENSORS {
    @Override
    void read(byte[] input, Path folder) throws Exception {
      Files.write(folder.resolve("config.json"), resource("config/tiny.json"));
      padded(folder.resolve("model.safetensors"), input);
      try {
        ModelFolder.open(folder);
      } catch (ModelFormatException e) {
        oneLine(e);
      }
    }
  },

  /** A model's configuration. */
  CONFIG {
    @Override
    void read(byte[] input, Path folder) throws Exception {
      Files.write(folder.resolve("config.json"), input);
      padded(folder.resolve("model.safetensors"), resource("safetensors/tiny.safetensors"));
      try {
        ModelFolder.open(folder);
      } catch (ModelFormatException e) {
        oneLine(e);
      }
    }
  },

  /** The start of a GGUF file, its tokenizer included; zeros follow. */
  GGUF {
    @Override
    void read(byte[] input, Path folder) throws Exception {
      var file = folder.resolve("model.gguf");
      padded(file, input);
      try {
        ModelHeaders.open(file);
      } catch (ModelFormatException e) {
        oneLine(e);
      }
      try {
        roundTrip(Tokenizer.read(file));
      } catch (ModelFormatException e) {
        oneLine(e);
      }
    }
  },

  /** A tokenizer.json. */
  TOKENIZER {
    @Override
    void read(byte[] input, Path folder) throws Exception {
      var file = folder.resolve("tokenizer.json");
      Files.write(file, input);
      try {
        roundTrip(Tokenizer.read(file));
      } catch (ModelFormatException e) {
        oneLine(e);
      }
    }
  },

  /** Requests, one JSON object a line. */
  REQUESTS {
    @Override
    void read(byte[] input, Path folder) throws Exception {
      var nowhere = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
      var console = new Console(nowhere, nowhere, false, folder, new Interrupt());
      var defaults =
          new Generation(OptionalInt.empty(), Sampling.GREEDY, List.of(), OptionalInt.empty());
      Files.write(folder.resolve("all.jsonl"), input);
      try {
        Prompt.readRequests(Path.of("all.jsonl"), defaults, console);
      } catch (Failure e) {
        check(e.exit() == Exit.USAGE, e);
        oneLine(e);
      }
    }
  },

  /** A lock file: what is read is written as a text that reads the same. */
  LOCK {
    @Override
    void read(byte[] input, Path folder) throws Exception {
      var file = folder.resolve("plan.stow.lock");
      Files.write(file, input);
      try {
        var lock = LockFile.read(file);
        check(lock.equals(LockFile.parse(lock.text())), lock);
      } catch (LockFile.FormatException e) {
        oneLine(e);
      }
    }
  },

  /** The result of a run. */
  RUN {
    @Override
    void read(byte[] input, Path folder) throws Exception {
      var file = folder.resolve("run.json");
      Files.write(file, input);
      try {
        RunFile.read(file);
      } catch (RunFile.FormatException e) {
        oneLine(e);
      }
    }
  },

  /** A device map of accelerate. */
  ACCELERATE {
    @Override
    void read(byte[] input, Path folder) throws Exception {
      Files.write(folder.resolve("map.json"), input);
      imported("accelerate", List.of("--model", "opt-1.3b", "map.json"), folder);
    }
  },

  /** A configuration of DeepSpeed. */
  DEEPSPEED {
    @Override
    void read(byte[] input, Path folder) throws Exception {
      Files.write(folder.resolve("ds.json"), input);
      imported("deepspeed", List.of("--model", "opt-1.3b", "ds.json"), folder);
    }
  },

  /** vLLM's flags in YAML. */
  VLLM {
    @Override
    void read(byte[] input, Path folder) throws Exception {
      Files.write(folder.resolve("vllm.yaml"), input);
      imported("vllm", List.of("serve", "opt-1.3b", "--config", "vllm.yaml"), folder);
    }
  };

  private static final int ZEROS = 1 << 20;

  /**
   * Reads an input as if a file held it.
   *
   * @param folder where files may be written
   */
  abstract void read(byte[] input, Path folder) throws Exception;

  /** The folder of inputs under {@code src/test/resources/fuzz}. */
  String folder() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }

  private static String utf8(byte[] input) {
    return new String(input, StandardCharsets.UTF_8);
  }

  /** Takes no room on a file system that knows holes. */
  private static void padded(Path file, byte[] input) throws IOException {
    Files.write(file, input);
    try (var channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.allocate(1), input.length + ZEROS - 1L);
    }
  }

  private static byte[] resource(String name) throws IOException {
    try (var in = FuzzTarget.class.getResourceAsStream("/fuzz/" + name)) {
      return in.readAllBytes();
    }
  }

  private static void imported(String tool, List<String> words, Path folder) {
    try {
      var text = Importer.of(tool).read(words, Hardware.T4, folder).planText();
      check(text.length() < 1 << 22, text.length());
    } catch (ImportException e) {
      oneLine(e);
    }
  }

  private static void roundTrip(Tokenizer tokenizer) {
    try {
      tokenizer.decode(tokenizer.encode("In the beginning\n é 😀  123<s>"));
    } catch (IllegalArgumentException e) {
      check(e.getMessage().startsWith("the tokenizer"), e);
    }
    tokenizer.decode(new int[] {0, 1, 2, Integer.MAX_VALUE});
  }

  private static void oneLine(Exception e) {
    var message = e.getMessage();
    check(!message.isBlank(), e);
    check(message.length() < 4000, message.length());
    check(message.chars().noneMatch(c -> c == '\n' || c == '\r'), message);
  }

  private static void check(boolean holds, Object what) {
    if (!holds) {
      throw new AssertionError(String.valueOf(what));
    }
  }
}
