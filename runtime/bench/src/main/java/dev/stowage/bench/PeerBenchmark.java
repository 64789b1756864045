package dev.stowage.bench;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.parallel.Cores;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Runs the same weights by Stowage and by another program, in turn, with as many threads each:
 * prefill of one prompt, and decoding of some sequences together. The model has TinyLlama-1.1B's
 * shape and random weights.
 *
 * <pre>{@code
 * ./mvnw -q compile -pl runtime/bench -am
 * java @runtime/cli/target/jvm.args -cp CLASSPATH \
 *   dev.stowage.bench.PeerBenchmark [--only ROW,...] PROGRAM FOLDER \
 *   [rounds [threads [FORMAT...]]]
 * }</pre>
 *
 * PROGRAM is a folder, and runs in a process of its own:
 *
 * <ul>
 *   <li>llama.cpp's shared libraries, for example those of its packages for Node: {@code npm pack
 *       @node-llama-cpp/linux-x64}, unpacked, {@code package/bins/linux-x64}; F16, BF16, Q8_0,
 *       Q4_0, Q4_K and Q6_K
 *   <li>Jlama's jars and those that they need: {@code com.github.tjake:jlama-core:0.8.4} and {@code
 *       com.github.tjake:jlama-native:0.8.4:linux-x86_64} in a project file, then {@code mvn
 *       dependency:copy-dependencies -DoutputDirectory=PROGRAM}; BF16 and Q4_0, which is Jlama's
 *       own format of 4 bits there
 *   <li>llama3.java's classes: {@code javac --add-modules jdk.incubator.vector -d PROGRAM
 *       Llama3.java}; F16, BF16, Q8_0 and Q4_0
 * </ul>
 *
 * <p>The models are made in the folder (2.2 GB of 16 bits a weight, 1.2 GB of Q8_0, 0.6 GB of
 * Q4_0 and Q4_K, 0.9 GB of Q6_K), and stay. Ratios are medians over rounds, each of which runs both programs, and the next
 * one in the other order; rates are medians too. A row is {@code prefill-128}, {@code prefill-512},
 * or how many sequences decode together.
 */
public final class PeerBenchmark {
  private static final long SEED = 1;

  private final Path program;
  private final Path folder;
  private final int rounds;
  private final int threads;

  /**
   * What is measured.
   *
   * @param decode tokens that each sequence generates after its first; 0 to measure the prefill
   */
  record Shape(int sequences, int prompt, int decode) {
    /** What it is called among the arguments. */
    String row() {
      return decode == 0 ? "prefill-" + prompt : String.valueOf(sequences);
    }

    String name() {
      return decode == 0
          ? "prefill of %d tokens".formatted(prompt)
          : "decode, %d together".formatted(sequences);
    }
  }

  private static final List<Shape> SHAPES =
      List.of(
          new Shape(1, 128, 0),
          new Shape(1, 512, 0),
          new Shape(1, 8, 24),
          new Shape(4, 8, 12),
          new Shape(16, 8, 8),
          new Shape(32, 8, 8));

  private PeerBenchmark(Path program, Path folder, int rounds, int threads) {
    this.program = program;
    this.folder = folder;
    this.rounds = rounds;
    this.threads = threads;
  }

  public static void main(String[] given) throws Exception {
    boolean some = given.length > 1 && given[0].equals("--only");
    var args = some ? Arrays.copyOfRange(given, 2, given.length) : given;
    var shapes = some ? rows(given[1]) : SHAPES;
    int rounds = args.length > 2 ? Integer.parseInt(args[2]) : 3;
    int threads = args.length > 3 ? Integer.parseInt(args[3]) : Cores.available();
    var formats =
        args.length > 4
            ? Arrays.stream(args).skip(4).map(RandomGguf.Format::valueOf).toList()
            : List.of(RandomGguf.Format.F16, RandomGguf.Format.Q8_0, RandomGguf.Format.Q4_0);
    var folder = Path.of(args[1]).toAbsolutePath();
    var program = Path.of(args[0]).toAbsolutePath();
    var benchmark = new PeerBenchmark(program, folder, rounds, threads);
    System.out.printf(
        Locale.ROOT,
        "%-6s %-24s %10s %12s %8s   (tok/s, %d threads, %d rounds)%n",
        "format",
        "",
        "stowage",
        PeerProcess.Program.in(program).title(),
        "ratio",
        threads,
        rounds);
    for (var format : formats) {
      var file = RandomGguf.in(folder, format);
      for (var shape : shapes) {
        benchmark.race(format, file, shape);
      }
    }
  }

  private static List<Shape> rows(String names) {
    var wanted = List.of(names.split(","));
    var known = SHAPES.stream().map(Shape::row).toList();
    if (!known.containsAll(wanted)) {
      throw new IllegalArgumentException("rows are %s, not %s".formatted(known, wanted));
    }
    return SHAPES.stream().filter(shape -> wanted.contains(shape.row())).toList();
  }

  private void race(RandomGguf.Format format, Path file, Shape shape)
      throws IOException, ModelFormatException {
    var ids = ids(shape);
    var ours = new ArrayList<Double>();
    var theirs = new ArrayList<Double>();
    var ratios = new ArrayList<Double>();
    try (var session = session(folder, file, shape, threads);
        var peer = new PeerProcess(program, folder, format, shape.sequences(), threads)) {
      for (int round = -1; round < rounds; round++) {
        boolean weBegin = (round & 1) == 0;
        double us = weBegin ? run(session, shape, ids) : 0;
        double them = peer.run(shape);
        us = weBegin ? us : run(session, shape, ids);
        if (round >= 0) {
          ours.add(us);
          theirs.add(them);
          ratios.add(us / them);
        }
      }
    }
    System.out.printf(
        Locale.ROOT,
        "%-6s %-24s %10.1f %12.1f %8.2f%n",
        format,
        shape.name(),
        median(ours),
        median(theirs),
        median(ratios));
  }

  /** The model in host memory, with room for these sequences. */
  static Session session(Path folder, Path file, Shape shape, int threads)
      throws ModelFormatException {
    var compiled =
        Compiler.compile(
            """
            plan race
            platform here { host ram { memory 16 GiB } }
            model m = gguf "%s"
            workload w { prompt %d tok  generate %d tok  requests %d  batch %4$d }
            maximize throughput
            """
                .formatted(file, shape.prompt(), shape.decode() + 1, shape.sequences()),
            folder.resolve("peer.stow"),
            Settings.none());
    if (!(compiled instanceof Compilation.Compiled(var plan, var schedule, _, _, _))) {
      throw new IllegalStateException(compiled.toString());
    }
    return Session.open(plan, schedule, folder, file, threads);
  }

  /** Tokens a second of Stowage. */
  static double run(Session session, Shape shape, int[][] ids) {
    var before = session.metrics();
    session.generate(
        Stream.of(ids)
            .map(id -> new Request(id, shape.decode() + 1, Set.of(), Sampling.GREEDY))
            .toList(),
        (_, _) -> true);
    var after = session.metrics();
    return shape.decode() == 0
        ? (after.promptTokens() - before.promptTokens())
            / (after.prefillSeconds() - before.prefillSeconds())
        : (after.decodeTokens() - before.decodeTokens())
            / (after.decodeSeconds() - before.decodeSeconds());
  }

  /** Tokens a second of another program. */
  static double run(Peer peer, Shape shape, int[][] ids) {
    peer.clear();
    long start = System.nanoTime();
    peer.decode(ids, 0);
    if (shape.decode() == 0) {
      return (double) shape.sequences() * shape.prompt() * 1e9 / (System.nanoTime() - start);
    }
    start = System.nanoTime();
    var next = new int[shape.sequences()][1];
    for (int i = 0; i < shape.decode(); i++) {
      for (int sequence = 0; sequence < next.length; sequence++) {
        next[sequence][0] = ids[sequence][i % shape.prompt()];
      }
      peer.decode(next, shape.prompt() + i);
    }
    return (double) shape.sequences() * shape.decode() * 1e9 / (System.nanoTime() - start);
  }

  static int[][] ids(Shape shape) {
    var random = new Random(SEED);
    var ids = new int[shape.sequences()][shape.prompt()];
    for (var sequence : ids) {
      Arrays.setAll(sequence, _ -> 300 + random.nextInt(RandomGguf.VOCABULARY - 300));
    }
    return ids;
  }

  static double median(List<Double> values) {
    var sorted = values.stream().sorted().toList();
    return (sorted.get((sorted.size() - 1) / 2) + sorted.get(sorted.size() / 2)) / 2;
  }
}
