package dev.stowage.bench;

import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.session.Recording;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Shows where the time of a step goes, operation by operation, in host memory: for a prefill, and
 * for decoding behind prompts of some length. The model has TinyLlama-1.1B's shape, random weights
 * and as many layers as one likes: long prompts of many sequences take a few of them only.
 *
 * <pre>{@code
 * ./mvnw -q compile -pl runtime/bench -am
 * java @runtime/cli/target/jvm.args -cp CLASSPATH \
 *   dev.stowage.bench.StepBenchmark FOLDER FORMAT LAYERS THREADS SEQUENCESxPROMPTxDECODE...
 * }</pre>
 *
 * The model is made in the folder, and stays. Times are milliseconds a sweep over all layers, means
 * over the second of two runs.
 */
public final class StepBenchmark {
  private final Path folder;
  private final Path file;
  private final int threads;

  private StepBenchmark(Path folder, Path file, int threads) {
    this.folder = folder;
    this.file = file;
    this.threads = threads;
  }

  public static void main(String[] args) throws Exception {
    var folder = Path.of(args[0]).toAbsolutePath();
    var format = RandomGguf.Format.valueOf(args[1]);
    var file = RandomGguf.in(folder, format, Integer.parseInt(args[2]));
    var benchmark = new StepBenchmark(folder, file, Integer.parseInt(args[3]));
    for (int i = 4; i < args.length; i++) {
      var numbers = Arrays.stream(args[i].split("x")).mapToInt(Integer::parseInt).toArray();
      benchmark.run(new PeerBenchmark.Shape(numbers[0], numbers[1], numbers[2]));
    }
  }

  private void run(PeerBenchmark.Shape shape) throws ModelFormatException {
    try (var session = PeerBenchmark.session(folder, file, shape, threads)) {
      PeerBenchmark.run(session, shape, PeerBenchmark.ids(shape));
      session.record(true);
      PeerBenchmark.run(session, shape, PeerBenchmark.ids(shape));
      var recording = session.recording();
      System.out.printf(
          Locale.ROOT,
          "%d x (%d + %d), %d threads%n",
          shape.sequences(),
          shape.prompt(),
          shape.decode() + 1,
          threads);
      report("prefill", recording, recording.sweeps().stream().filter(s -> s.prefill()).toList());
      report("decode", recording, recording.sweeps().stream().filter(s -> !s.prefill()).toList());
    }
  }

  private static void report(String name, Recording recording, List<Recording.Sweep> sweeps) {
    if (sweeps.isEmpty()) {
      return;
    }
    var first = sweeps.getFirst();
    var last = sweeps.getLast();
    var busy = new HashMap<String, Double>();
    for (var span : recording.spans()) {
      if (span.startSeconds() >= first.startSeconds() && span.endSeconds() <= last.endSeconds()) {
        busy.merge(span.what(), span.endSeconds() - span.startSeconds(), Double::sum);
      }
    }
    double all = sweeps.stream().mapToDouble(s -> s.endSeconds() - s.startSeconds()).sum();
    busy.put("(between)", all - busy.values().stream().mapToDouble(Double::doubleValue).sum());
    double perSweep = 1e3 / sweeps.size();
    System.out.printf(
        Locale.ROOT, "  %-26s %9.3f ms, %d sweeps%n", name, all * perSweep, sweeps.size());
    busy.entrySet().stream()
        .sorted(Map.Entry.<String, Double>comparingByValue().reversed())
        .forEach(
            e ->
                System.out.printf(
                    Locale.ROOT,
                    "    %-24s %9.3f ms %6.1f %%%n",
                    e.getKey(),
                    e.getValue() * perSweep,
                    100 * e.getValue() / all));
  }
}
