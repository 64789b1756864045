package dev.stowage.bench;

import dev.stowage.calibrate.RandomModel;
import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import dev.stowage.runtime.storage.PageCache;
import dev.stowage.runtime.storage.StoredFile;
import dev.stowage.runtime.system.Mapping;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Pattern;

/**
 * Measures the disk tier with a model that the host cannot hold: how long loading takes beside
 * reading the bytes that stay to memory as new as theirs, and loading with a first token beside
 * reading all; the rate at which weights are streamed while tokens are made, against the best way
 * to read them and do nothing else; how well the lanes overlap; and resident memory against the
 * plan.
 *
 * <pre>{@code
 * ./mvnw -q compile -pl runtime/bench -am
 * java @runtime/cli/target/jvm.args -Xmx512m -cp CLASSPATH dev.stowage.bench.DiskBenchmark FOLDER \
 *   [--shape small|tinyllama|llama-13b] [--memory MiB] [--sequences N] [--tokens N] [--threads N] \
 *   [--place STATEMENTS] [--rate MB/s]
 * }</pre>
 *
 * The folder lies on the disk that is measured; the model is made there, and stays. With a rate, no
 * other way to read is tried: the engine is held against that one. Without a place, the optimizer
 * decides what lies in memory.
 */
public final class DiskBenchmark {
  private static final int ROUNDS = 2;

  /** Where raw reads go: like a ring, on large pages, touched, and more than caches hold. */
  private static final long RAW_BYTES = 128 << 20;

  private static final int LOADS = 4;
  private static final int[] PROMPT = {1, 5, 7, 9};
  private static final int BUFFERED_WINDOW = 8 << 20;

  /** F16, of the sizes of models that people run: 0.7, 2.2 and 26 GB. */
  private static final Map<String, RandomModel> SHAPES =
      Map.of(
          "small", new RandomModel(8, 2048, 32, 4, 5632, 512, 2048, ElementType.F16),
          "tinyllama", new RandomModel(22, 2048, 32, 4, 5632, 32000, 2048, ElementType.F16),
          "llama-13b", new RandomModel(40, 5120, 40, 40, 13824, 32000, 2048, ElementType.F16));

  private final Path folder;
  private String shape = "small";
  private int memory = 256;
  private int sequences = 1;
  private int tokens = 12;
  private int threads = 2;
  private String place = "";
  private double best;

  private DiskBenchmark(Path folder) {
    this.folder = folder;
  }

  public static void main(String[] args) throws Exception {
    var benchmark = new DiskBenchmark(Path.of(args[0]).toAbsolutePath());
    for (int i = 1; i < args.length; i += 2) {
      var value = args[i + 1];
      switch (args[i]) {
        case "--shape" -> benchmark.shape = value;
        case "--memory" -> benchmark.memory = Integer.parseInt(value);
        case "--sequences" -> benchmark.sequences = Integer.parseInt(value);
        case "--tokens" -> benchmark.tokens = Integer.parseInt(value);
        case "--threads" -> benchmark.threads = Integer.parseInt(value);
        case "--place" -> benchmark.place = "place { " + value + " }";
        case "--rate" -> benchmark.best = Double.parseDouble(value) * 1e6;
        default -> throw new IllegalArgumentException("unknown option " + args[i]);
      }
    }
    benchmark.run();
  }

  private void run() throws Exception {
    var model = SHAPES.get(shape);
    var home = folder.resolve(shape);
    var file = home.resolve("model.safetensors");
    if (!Files.exists(file) || Files.size(file) < model.bytes()) {
      model.write(home);
    }
    if (best == 0) {
      best = raw(file);
    }
    stream(home);
  }

  // -- the rival

  /** The best of several ways to read the file, in bytes a second: a median each. */
  private static double raw(Path file) throws Exception {
    double best = 0;
    for (boolean direct : new boolean[] {true, false}) {
      for (int request : new int[] {1 << 20, 4 << 20}) {
        for (int depth = 1; depth <= 2; depth++) {
          var rates = new double[ROUNDS];
          for (int round = 0; round < ROUNDS; round++) {
            rates[round] = toRing(file, direct, request, depth);
          }
          Arrays.sort(rates);
          say(
              "raw  %-8s %d MiB x %d   %7.0f MB/s",
              direct ? "direct" : "buffered", request >> 20, depth, rates[ROUNDS / 2] / 1e6);
          best = Math.max(best, rates[ROUNDS / 2]);
        }
      }
    }
    return best;
  }

  private static double toRing(Path file, boolean direct, int request, int depth) throws Exception {
    try (var arena = Arena.ofShared()) {
      var memory = Mapping.ofHugePages(arena, RAW_BYTES);
      memory.fill((byte) 0);
      return read(file, Files.size(file), memory, direct, request, depth);
    }
  }

  /** The best rate of reading so many bytes to memory that nobody has touched, and keeping them. */
  private static double rawKept(Path file, long bytes) throws Exception {
    double best = 0;
    for (boolean direct : new boolean[] {true, false}) {
      for (int depth : new int[] {2, 6}) {
        for (int round = 0; round < ROUNDS; round++) {
          try (var arena = Arena.ofShared()) {
            var memory = Mapping.of(arena, bytes);
            best = Math.max(best, read(file, bytes, memory, direct, 1 << 20, depth));
          }
        }
      }
    }
    return best;
  }

  /** Reads the file's first bytes to memory, again and again from its beginning. */
  private static double read(
      Path file, long bytes, MemorySegment memory, boolean direct, int request, int depth)
      throws Exception {
    long size = bytes / request * request;
    long room = memory.byteSize() / request * request;
    try (var stored = StoredFile.open(file);
        var cache = PageCache.open(file).orElseThrow()) {
      cache.drop(0, 0);
      var next = new AtomicLong();
      var threads = new Thread[depth];
      long start = System.nanoTime();
      for (int i = 0; i < depth; i++) {
        threads[i] =
            Thread.ofPlatform()
                .start(
                    () -> {
                      for (long at = next.getAndAdd(request);
                          at < size;
                          at = next.getAndAdd(request)) {
                        var place = memory.asSlice(at % room, request);
                        if (direct) {
                          stored.chunks("all", at, request, place).forEach(chunk -> chunk.read());
                        } else {
                          readBuffered(stored, cache, at, place);
                        }
                      }
                    });
      }
      for (var thread : threads) {
        thread.join();
      }
      return size * 1e9 / (System.nanoTime() - start);
    }
  }

  private static void readBuffered(
      StoredFile stored, PageCache cache, long at, MemorySegment room) {
    try {
      var buffer = room.asByteBuffer();
      while (buffer.hasRemaining()) {
        stored.channel().read(buffer, at + buffer.position());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    if (at % BUFFERED_WINDOW == 0 && at > BUFFERED_WINDOW) {
      cache.drop(at - 2L * BUFFERED_WINDOW, BUFFERED_WINDOW);
    }
  }

  // -- the engine

  private void stream(Path home) throws Exception {
    var compiled =
        Compiler.compile(
            """
            plan disk
            platform small {
              host ram { memory %d MiB  reserve 0 MiB }
              disk ssd { memory 64 GiB  path "scratch" }
            }
            model m = hf "%s"
            workload w { prompt 4 tok  generate %d tok  requests %d }
            %s
            schedule { prefetch 1 layer }
            maximize throughput
            """
                .formatted(memory, home, tokens, sequences, place),
            home.resolve("disk.stow"),
            Settings.none());
    if (!(compiled instanceof Compilation.Compiled(var plan, var schedule, _, _, _))) {
      throw new IllegalStateException(compiled.toString());
    }
    boolean streams = plan.bytesOn("ssd") > 0;
    say(
        "plan: %.1f MiB of weights on the disk, %d stops ahead, ring of %.1f MiB",
        mebibytes(plan.bytesOn("ssd")),
        schedule.prefetch(),
        streams ? mebibytes(plan.buffer("ring").totalBytes()) : 0);
    System.gc();
    long before = status("VmRSS");
    long heapBefore = Runtime.getRuntime().totalMemory();
    long cachedBefore = cached();
    var file = home.resolve("model.safetensors");
    long kept = plan.buffer("weights.ram").totalBytes();
    double keeping = rawKept(file, Math.min(kept, Files.size(file)));
    say("raw  to new memory        %7.0f MB/s", keeping / 1e6);
    for (int i = 0; i < LOADS; i++) {
      load(plan, schedule, home, keeping, i == 0 ? "first, with preparing" : "again").close();
    }
    if (!streams) {
      return;
    }
    try (var session = load(plan, schedule, home, keeping, "again")) {
      var request = new Request(PROMPT, tokens, Set.of(), Sampling.GREEDY);
      session.generate(List.of(request), (index, id) -> true);
      session.record(false);
      var warm = session.metrics();
      long start = System.nanoTime();
      session.generate(Collections.nCopies(sequences, request), (index, id) -> true);
      double seconds = (System.nanoTime() - start) * 1e-9;
      var metrics = session.metrics();
      long bytes = metrics.streamedWeightBytes() - warm.streamedWeightBytes();
      say(
          "engine %d sequences, %d threads: %.0f MB/s, %.2f of the best raw read; %.2f tok/s",
          sequences,
          threads,
          bytes / seconds / 1e6,
          bytes / seconds / best,
          (metrics.generatedTokens() - warm.generatedTokens()) / seconds);
      session
          .reads()
          .ifPresent(
              trial ->
                  say(
                      "trial to the ring: direct %.0f MB/s, buffered %.0f MB/s; reads are %s",
                      trial.directBytesPerSecond() / 1e6,
                      trial.bufferedBytesPerSecond() / 1e6,
                      trial.direct() ? "direct" : "buffered"));
      double prefill = 0;
      double decode = 0;
      for (var lane : session.recording().lanes()) {
        double busy = lane.prefillBusySeconds() + lane.decodeBusySeconds();
        prefill = Math.max(prefill, lane.prefillBusySeconds());
        decode = Math.max(decode, lane.decodeBusySeconds());
        say("lane %-14s %.2f of %.2f s", lane.name(), busy, seconds);
      }
      say("achieved / largest lane of each phase %.3f", seconds / (prefill + decode));
      double set = plan.bytesOn("ram");
      double promised = set + Footprint.process(plan.shape()) + Footprint.COMPILING_BYTES;
      long most = status("VmHWM");
      say(
          "resident memory: at most %.1f MiB, %.3f of the promise: %.1f MiB that the plan sets aside and %.1f for the process, which held %.1f before; Java's heap grew by %.1f MiB",
          mebibytes(most),
          most / promised,
          mebibytes(set),
          mebibytes(promised - set),
          mebibytes(before),
          mebibytes(Runtime.getRuntime().totalMemory() - heapBefore));
      say("page cache: %.1f MiB more than before", (cached() - cachedBefore) / 1024.0);
    }
  }

  /**
   * Opens a session, and holds the time against reading what it keeps in memory; then the time to a
   * first token, for which all weights have come once, against reading the file.
   */
  private Session load(
      ExecutablePlan plan, Schedule schedule, Path home, double keeping, String when)
      throws IOException, ModelFormatException {
    var file = home.resolve("model.safetensors");
    try (var cache = PageCache.open(file).orElseThrow()) {
      cache.drop(0, 0);
    }
    long read = readBytes();
    long start = System.nanoTime();
    var session = Session.open(plan, schedule, home, home, threads);
    double seconds = (System.nanoTime() - start) * 1e-9;
    long brought = readBytes() - read;
    session.generate(
        List.of(new Request(PROMPT, 1, Set.of(), Sampling.GREEDY)), (index, id) -> true);
    double first = (System.nanoTime() - start) * 1e-9;
    double kept = plan.buffer("weights.ram").totalBytes();
    say(
        "loaded (%s) in %.2f s: %.2f times what reading the %.1f MiB takes that stay, %.2f times at the best raw rate; the disk brought %.1f MiB. First token after %.2f s: %.2f times what reading the model takes",
        when,
        seconds,
        seconds / (kept / keeping),
        mebibytes(kept),
        seconds / (kept / best),
        mebibytes(brought),
        first,
        first / (Files.size(file) / best));
    return session;
  }

  private static double mebibytes(double bytes) {
    return bytes / 1048576;
  }

  private static void say(String format, Object... values) {
    System.out.println(String.format(Locale.ROOT, format, values));
  }

  private static long status(String key) throws IOException {
    return 1024 * number(Path.of("/proc/self/status"), key, " kB");
  }

  /** Bytes that disks have brought for this process. */
  private static long readBytes() throws IOException {
    return number(Path.of("/proc/self/io"), "\nread_bytes", "");
  }

  /** KiB of the whole machine's page cache. */
  private static long cached() throws IOException {
    return number(Path.of("/proc/meminfo"), "\nCached", " kB");
  }

  private static long number(Path path, String key, String unit) throws IOException {
    var matcher = Pattern.compile(key + ":\\s+(\\d+)" + unit).matcher(Files.readString(path));
    if (!matcher.find()) {
      throw new IOException(path + " has no " + key.strip());
    }
    return Long.parseLong(matcher.group(1));
  }
}
