package dev.stowage.bundle;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/**
 * FlexGen (FlexLLMGen since 2024), which whoever runs the checks brings along: its own benchmark
 * with dummy weights, under a cap on GPU memory that PyTorch keeps.
 */
final class FlexGen {
  private static final int MINUTES = 10;
  private static final int TAIL = 1 << 16;
  private static final List<String> MODULES = List.of("flexllmgen", "flexgen");
  private static final Pattern PREFILL = Pattern.compile("prefill latency: ([0-9.]+) s\\s");
  private static final Pattern DECODE = Pattern.compile("decode latency: ([0-9.]+) s\\s");
  private static final Pattern TOTAL =
      Pattern.compile("total latency: [0-9.]+ s\\s+total throughput: ([0-9.]+) token/s");
  private static final Pattern PEAK = Pattern.compile("peak gpu mem: ([0-9.]+) GB\\s");

  private final Path folder;
  private final String module;
  private final Path scratch;

  /** Whether FlexGen can run here. */
  sealed interface Found {}

  record Here(FlexGen flexgen) implements Found {}

  record Missing(String reason) implements Found {}

  /**
   * What is generated: prompts of equal length, in micro-batches, with weights in host memory.
   *
   * @param kvOnGpu whether the KV cache lies on the GPU; else in host memory, attended to there
   */
  record Work(int sequences, int microBatches, int promptTokens, int tokens, boolean kvOnGpu) {}

  /** How a run ended. */
  sealed interface Outcome {}

  /**
   * Its numbers.
   *
   * @param tokensPerSecond generated tokens over the time of prompts and decoding
   * @param peakBytes of GPU memory, as PyTorch counts
   */
  record Ran(double prefillSeconds, double decodeSeconds, double tokensPerSecond, long peakBytes)
      implements Outcome {}

  record Failed(String reason) implements Outcome {}

  private FlexGen(Path folder, String module, Path scratch) {
    this.folder = folder;
    this.module = module;
    this.scratch = scratch;
  }

  /**
   * Looks for it.
   *
   * @param folder a checkout of FlexGen, if one was named
   */
  static Found find(Optional<Path> folder, Path scratch) {
    if (folder.isEmpty()) {
      return new Missing("no checkout of FlexGen was named (--flexgen FOLDER)");
    }
    var here = folder.get().toAbsolutePath();
    for (var name : MODULES) {
      if (Files.isRegularFile(here.resolve(name).resolve("flex_opt.py"))) {
        var flexgen = new FlexGen(here, name, scratch);
        var failed =
            flexgen.python(List.of("-c", "import torch; torch.cuda.get_device_properties(0)"));
        return failed.exit() == 0
            ? new Here(flexgen)
            : new Missing("python3 has no PyTorch that sees a GPU: " + failed.lastLine());
      }
    }
    return new Missing("%s has no flexllmgen/flex_opt.py".formatted(here));
  }

  /**
   * Runs its benchmark.
   *
   * @param model OPT's name, as {@code opt-6.7b}
   * @param bytes of GPU memory that it may take
   */
  Outcome run(String model, Work work, long bytes) {
    var arguments = new ArrayList<>(List.of("-c", script(), Long.toString(bytes)));
    arguments.add(module + ".flex_opt");
    arguments.addAll(List.of("--model", "facebook/" + model, "--path", "_DUMMY_"));
    arguments.addAll(List.of("--offload-dir", scratch.resolve("flexgen").toString()));
    arguments.addAll(List.of("--log-file", scratch.resolve("flexgen.log").toString()));
    arguments.addAll(List.of("--prompt-len", "" + work.promptTokens()));
    arguments.addAll(List.of("--gen-len", "" + work.tokens()));
    arguments.addAll(List.of("--gpu-batch-size", "" + work.sequences() / work.microBatches()));
    arguments.addAll(List.of("--num-gpu-batches", "" + work.microBatches()));
    arguments.add("--percent");
    if (work.kvOnGpu()) {
      arguments.addAll(List.of("0", "100", "100", "0", "100", "0"));
    } else {
      arguments.addAll(List.of("0", "100", "0", "100", "0", "100", "--cpu-cache-compute"));
    }
    var ended = python(arguments);
    if (ended.exit() != 0) {
      return new Failed(ended.lastLine());
    }
    return parse(ended.output())
        .<Outcome>map(ran -> ran)
        .orElseGet(() -> new Failed("its output names no throughput: " + ended.lastLine()));
  }

  /** The numbers of the benchmark's last lines. */
  static Optional<Ran> parse(String output) {
    var prefill = last(PREFILL, output);
    var decode = last(DECODE, output);
    var total = last(TOTAL, output);
    if (prefill.isEmpty() || decode.isEmpty() || total.isEmpty()) {
      return Optional.empty();
    }
    long peak = Math.round(last(PEAK, output).orElse(0.0) * (1L << 30));
    return Optional.of(new Ran(prefill.get(), decode.get(), total.get(), peak));
  }

  private static Optional<Double> last(Pattern pattern, String output) {
    return pattern
        .matcher(output)
        .results()
        .reduce((one, next) -> next)
        .map(found -> Double.valueOf(found.group(1)));
  }

  private static String script() {
    try (var in = FlexGen.class.getResourceAsStream("run_flexgen.py")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** How python ended; no exit code of its own where it did not start or end. */
  private record Ended(int exit, String output) {
    String lastLine() {
      return output
          .lines()
          .map(String::strip)
          .filter(line -> !line.isEmpty())
          .toList()
          .reversed()
          .stream()
          .findFirst()
          .orElse("no output");
    }
  }

  private Ended python(List<String> arguments) {
    var command = new ArrayList<>(List.of("python3"));
    command.addAll(arguments);
    var output = scratch.resolve("flexgen.out");
    try {
      var builder = new ProcessBuilder(command).directory(scratch.toFile());
      builder.redirectErrorStream(true).redirectOutput(output.toFile());
      builder
          .environment()
          .merge("PYTHONPATH", folder.toString(), (others, ours) -> ours + ":" + others);
      var process = builder.start();
      try {
        if (!process.waitFor(MINUTES, TimeUnit.MINUTES)) {
          return new Ended(-1, "it ran for more than %d minutes".formatted(MINUTES));
        }
        return new Ended(process.exitValue(), tail(output));
      } finally {
        process.destroyForcibly();
      }
    } catch (IOException e) {
      return new Ended(-1, e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return new Ended(-1, "interrupted");
    }
  }

  private static String tail(Path file) throws IOException {
    try (var in = new RandomAccessFile(file.toFile(), "r")) {
      var bytes = new byte[(int) Math.min(TAIL, in.length())];
      in.seek(in.length() - bytes.length);
      in.readFully(bytes);
      return new String(bytes, StandardCharsets.UTF_8);
    }
  }
}
