package dev.stowage.bench;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.parallel.Cores;
import dev.stowage.runtime.session.Session;
import dev.stowage.runtime.storage.PageCache;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Runs a model that memory cannot hold by Stowage and by llama.cpp, which maps the file: each in a
 * process of its own, in turn, in a control group whose limit counts the page cache. The model is
 * that of {@link PeerBenchmark} in F16, 2.2 GB.
 *
 * <pre>{@code
 * java @runtime/cli/target/jvm.args -cp CLASSPATH \
 *   dev.stowage.bench.ScarceMemoryBenchmark package/bins/linux-x64 FOLDER \
 *   [MiB [rounds [threads [SEQUENCES...]]]]
 * }</pre>
 *
 * Needs Linux and the right to make a control group. Stowage's limit holds its whole process: the
 * plan gets {@value #OWN_MIB} MiB less. llama.cpp's is raised by {@value #PEER_MIB} MiB for the
 * Java process that calls it.
 */
public final class ScarceMemoryBenchmark {
  private static final int OWN_MIB = 256;
  private static final int PEER_MIB = 64;
  private static final int PROMPT = 8;
  private static final int STEPS = 4;

  /**
   * Room of a sequence in llama.cpp's context: what it does not need it would take of the limit.
   */
  private static final int TOKENS = 32;

  private static final String ALONE = "--alone";

  /** Version 2 of control groups, then version 1. */
  private static final List<Path> GROUPS =
      List.of(Path.of("/sys/fs/cgroup"), Path.of("/sys/fs/cgroup/memory"));

  private ScarceMemoryBenchmark() {}

  public static void main(String[] args) throws Exception {
    if (args[0].equals(ALONE)) {
      System.out.println(
          alone(
              args[1],
              Path.of(args[2]),
              Path.of(args[3]),
              Integer.parseInt(args[4]),
              Integer.parseInt(args[5]),
              Integer.parseInt(args[6])));
      return;
    }
    int limit = args.length > 2 ? Integer.parseInt(args[2]) : 1024;
    int rounds = args.length > 3 ? Integer.parseInt(args[3]) : 3;
    int threads = args.length > 4 ? Integer.parseInt(args[4]) : Cores.available();
    var sequences =
        args.length > 5
            ? Arrays.stream(args).skip(5).map(Integer::valueOf).toList()
            : List.of(1, 16, 64);
    var file = RandomGguf.in(Path.of(args[1]).toAbsolutePath(), RandomGguf.Format.F16);
    System.out.printf(
        Locale.ROOT,
        "%-14s %10s %10s %8s   (decode, tok/s; %d MiB, %d threads, %d rounds)%n",
        "together",
        "stowage",
        "llama.cpp",
        "ratio",
        limit,
        threads,
        rounds);
    var best = new HashMap<String, Double>();
    for (int together : sequences) {
      var rates = Map.of("stowage", new ArrayList<Double>(), "llama.cpp", new ArrayList<Double>());
      var ratios = new ArrayList<Double>();
      for (int round = 0; round < rounds; round++) {
        double us = race("stowage", args[0], file, together, threads, limit);
        double them = race("llama.cpp", args[0], file, together, threads, limit);
        rates.get("stowage").add(us);
        rates.get("llama.cpp").add(them);
        ratios.add(us / them);
      }
      rates.forEach((side, all) -> best.merge(side, PeerBenchmark.median(all), Math::max));
      System.out.printf(
          Locale.ROOT,
          "%-14d %10.2f %10.2f %8.2f%n",
          together,
          PeerBenchmark.median(rates.get("stowage")),
          PeerBenchmark.median(rates.get("llama.cpp")),
          PeerBenchmark.median(ratios));
    }
    System.out.printf(
        Locale.ROOT,
        "%-14s %10.2f %10.2f %8.2f%n",
        "each's best",
        best.get("stowage"),
        best.get("llama.cpp"),
        best.get("stowage") / best.get("llama.cpp"));
  }

  // -- one side, in a process of its own

  private static double race(
      String side, String libraries, Path file, int together, int threads, int limit)
      throws IOException, InterruptedException {
    try (var cache = PageCache.open(file).orElseThrow()) {
      cache.drop(0, 0);
    }
    var group = group(limit + (side.equals("stowage") ? 0 : PEER_MIB));
    try {
      var command = new ArrayList<String>();
      command.addAll(List.of("sh", "-c", "echo $$ > \"$0\" && exec \"$@\""));
      command.add(group.resolve("cgroup.procs").toString());
      command.add(ProcessHandle.current().info().command().orElseThrow());
      command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
      command.addAll(List.of("-cp", System.getProperty("java.class.path")));
      command.add(ScarceMemoryBenchmark.class.getName());
      command.addAll(List.of(ALONE, side, libraries, file.toString()));
      for (int number : new int[] {together, threads, limit - OWN_MIB}) {
        command.add(Integer.toString(number));
      }
      var process =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
      var said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != 0) {
        throw new IOException("%s ended with %d: %s".formatted(side, process.exitValue(), said));
      }
      return Double.parseDouble(said.strip());
    } finally {
      Files.delete(group);
    }
  }

  /** A new control group that may use so much memory. */
  private static Path group(int mebibytes) throws IOException {
    for (var root : GROUPS) {
      for (var limit : List.of("memory.max", "memory.limit_in_bytes")) {
        var group = root.resolve("stowage-bench-" + ProcessHandle.current().pid());
        if (Files.exists(root.resolve("cgroup.procs")) && Files.isWritable(root)) {
          Files.createDirectories(group);
          if (Files.exists(group.resolve(limit))) {
            Files.writeString(group.resolve(limit), Long.toString((long) mebibytes << 20));
            return group;
          }
          Files.delete(group);
        }
      }
    }
    throw new IOException("no control group can be made that limits memory");
  }

  private static double alone(
      String side, Path libraries, Path file, int together, int threads, int memory)
      throws IOException, ModelFormatException {
    var shape = new PeerBenchmark.Shape(together, PROMPT, STEPS);
    var ids = PeerBenchmark.ids(shape);
    if (side.equals("stowage")) {
      try (var session = session(file, shape, threads, memory)) {
        PeerBenchmark.run(session, shape, ids);
        return PeerBenchmark.run(session, shape, ids);
      }
    }
    try (var peer = new LlamaCpp(libraries, file, together, TOKENS, threads)) {
      PeerBenchmark.run(peer, shape, ids);
      return PeerBenchmark.run(peer, shape, ids);
    }
  }

  private static Session session(Path file, PeerBenchmark.Shape shape, int threads, int memory)
      throws ModelFormatException {
    var folder = file.getParent();
    var compiled =
        Compiler.compile(
            """
            plan race
            platform here {
              host ram { memory %d MiB  reserve 0 MiB }
              disk ssd { memory 64 GiB  path "." }
            }
            model m = gguf "%s"
            workload w { prompt %d tok  generate %d tok  requests %d  batch %d }
            schedule { prefetch 1 layer }
            maximize throughput
            """
                .formatted(
                    memory,
                    file,
                    shape.prompt(),
                    shape.decode() + 1,
                    shape.sequences(),
                    shape.sequences()),
            folder.resolve("scarce.stow"),
            Settings.none());
    if (!(compiled instanceof Compilation.Compiled(var plan, var schedule, _, _, _))) {
      throw new IllegalStateException(compiled.toString());
    }
    return Session.open(plan, schedule, folder, file, threads);
  }
}
