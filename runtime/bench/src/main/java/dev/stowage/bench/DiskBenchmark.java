package dev.stowage.bench;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import dev.stowage.runtime.storage.PageCache;
import dev.stowage.runtime.storage.StoredFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Pattern;

/**
 * Measures the disk tier with a model of 707 MB in F16 that a host of 256 MiB cannot hold: the rate
 * at which weights are streamed while tokens are made, against the best way to read the same bytes
 * and do nothing else; how well the lanes overlap; and resident memory against the plan.
 *
 * <pre>{@code
 * ./mvnw -q compile -pl runtime/bench -am
 * java -Xmx256m --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED \
 *   -cp CLASSPATH dev.stowage.bench.DiskBenchmark FOLDER [sequences [threads [MB/s]]]
 * }</pre>
 *
 * The folder lies on the disk that is measured; the model is made there, and stays. With a rate, no
 * other way to read is tried: the engine is held against that one.
 */
public final class DiskBenchmark {
  private static final int LAYERS = 8;
  private static final int HIDDEN = 2048;
  private static final int FFN = 5632;
  private static final int KV = 256;
  private static final int VOCABULARY = 512;
  private static final int ROUNDS = 2;
  private static final int TOKENS = 12;
  private static final int BUFFERED_WINDOW = 8 << 20;

  private final Path folder;
  private final Path file;

  private DiskBenchmark(Path folder) {
    this.folder = folder;
    file = folder.resolve("model.safetensors");
  }

  public static void main(String[] args) throws Exception {
    var benchmark = new DiskBenchmark(Path.of(args[0]).toAbsolutePath());
    int sequences = args.length > 1 ? Integer.parseInt(args[1]) : 1;
    int threads = args.length > 2 ? Integer.parseInt(args[2]) : 2;
    benchmark.makeModel();
    double best = args.length > 3 ? Double.parseDouble(args[3]) * 1e6 : benchmark.raw();
    benchmark.stream(sequences, threads, best);
  }

  // -- the model

  private void makeModel() throws IOException {
    Files.createDirectories(folder);
    Files.writeString(
        folder.resolve("config.json"),
        """
        { "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
          "hidden_size": %d, "intermediate_size": %d, "num_hidden_layers": %d,
          "num_attention_heads": 32, "num_key_value_heads": 4, "max_position_embeddings": 2048,
          "vocab_size": %d, "rms_norm_eps": 1e-05, "rope_theta": 10000.0,
          "tie_word_embeddings": true, "torch_dtype": "float16",
          "bos_token_id": 1, "eos_token_id": 2 }
        """
            .formatted(HIDDEN, FFN, LAYERS, VOCABULARY));
    var header = new StringBuilder("{");
    long end = add(header, 0, "model.embed_tokens.weight", VOCABULARY, HIDDEN);
    end = add(header, end, "model.norm.weight", HIDDEN, 1);
    for (int layer = 0; layer < LAYERS; layer++) {
      var prefix = "model.layers." + layer + ".";
      end = add(header, end, prefix + "input_layernorm.weight", HIDDEN, 1);
      end = add(header, end, prefix + "self_attn.q_proj.weight", HIDDEN, HIDDEN);
      end = add(header, end, prefix + "self_attn.k_proj.weight", KV, HIDDEN);
      end = add(header, end, prefix + "self_attn.v_proj.weight", KV, HIDDEN);
      end = add(header, end, prefix + "self_attn.o_proj.weight", HIDDEN, HIDDEN);
      end = add(header, end, prefix + "post_attention_layernorm.weight", HIDDEN, 1);
      end = add(header, end, prefix + "mlp.gate_proj.weight", FFN, HIDDEN);
      end = add(header, end, prefix + "mlp.up_proj.weight", FFN, HIDDEN);
      end = add(header, end, prefix + "mlp.down_proj.weight", HIDDEN, FFN);
    }
    byte[] text = header.append('}').toString().getBytes(java.nio.charset.StandardCharsets.UTF_8);
    long size = 8 + text.length + end;
    if (Files.exists(file) && Files.size(file) == size) {
      return;
    }
    try (var channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      var buffer = ByteBuffer.allocate(8 << 20).order(java.nio.ByteOrder.LITTLE_ENDIAN);
      buffer.putLong(text.length).put(text);
      int state = 1;
      for (long written = 0; written < end; written += 2) {
        state = state * 1103515245 + 12345; // Halves of about 2^-6, of either sign
        buffer.putShort((short) (state >> 16 & 0x83ff | 0x2400));
        if (buffer.remaining() < 2) {
          write(channel, buffer);
        }
      }
      write(channel, buffer);
      channel.force(true);
    }
  }

  private static void write(FileChannel channel, ByteBuffer buffer) throws IOException {
    buffer.flip();
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
    buffer.clear();
  }

  private static long add(StringBuilder header, long from, String name, int rows, int columns) {
    long to = from + 2L * rows * columns;
    if (header.length() > 1) {
      header.append(',');
    }
    header.append(
        "\"%s\":{\"dtype\":\"F16\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
            .formatted(
                name,
                columns == 1 ? "[" + rows + "]" : "[" + rows + "," + columns + "]",
                from,
                to));
    return to;
  }

  // -- the rival

  /** The best of several ways to read the file, in bytes a second: a median each. */
  private double raw() throws Exception {
    double best = 0;
    for (boolean direct : new boolean[] {true, false}) {
      for (int request : new int[] {1 << 20, 4 << 20}) {
        for (int depth = 1; depth <= 2; depth++) {
          var rates = new double[ROUNDS];
          for (int round = 0; round < ROUNDS; round++) {
            rates[round] = read(direct, request, depth);
          }
          Arrays.sort(rates);
          System.out.printf(
              Locale.ROOT,
              "raw  %-8s %d MiB x %d   %7.0f MB/s%n",
              direct ? "direct" : "buffered",
              request >> 20,
              depth,
              rates[ROUNDS / 2] / 1e6);
          best = Math.max(best, rates[ROUNDS / 2]);
        }
      }
    }
    return best;
  }

  private double read(boolean direct, int request, int depth) throws Exception {
    long size = Files.size(file) / request * request;
    try (var arena = Arena.ofShared();
        var stored = StoredFile.open(file);
        var cache = PageCache.open(file).orElseThrow()) {
      cache.drop(0, 0);
      var memory = arena.allocate((long) depth * request, Footprint.PAGE_BYTES);
      var next = new AtomicLong();
      var threads = new Thread[depth];
      long start = System.nanoTime();
      for (int i = 0; i < depth; i++) {
        var room = memory.asSlice((long) i * request, request);
        threads[i] =
            Thread.ofPlatform()
                .start(
                    () -> {
                      for (long at = next.getAndAdd(request);
                          at < size;
                          at = next.getAndAdd(request)) {
                        if (direct) {
                          stored.chunks("all", at, request, room).forEach(chunk -> chunk.read());
                        } else {
                          readBuffered(stored, cache, at, room);
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

  private void stream(int sequences, int threads, double best)
      throws IOException, ModelFormatException {
    var compiled =
        Compiler.compile(
            """
            plan disk
            platform small {
              host ram { memory 256 MiB }
              disk ssd { memory 4 GiB  path "scratch" }
            }
            model m = hf "%s"
            workload w { prompt 4 tok  generate %d tok  requests %d }
            schedule { prefetch 1 layer }
            maximize throughput
            """
                .formatted(folder, TOKENS, sequences),
            folder.resolve("disk.stow"),
            Settings.none());
    if (!(compiled instanceof Compilation.Compiled(var plan, var schedule, _, _, _))) {
      throw new IllegalStateException(compiled.toString());
    }
    System.out.printf(
        Locale.ROOT,
        "plan: %.1f MiB of weights on the disk, %d stops ahead, ring of %.1f MiB%n",
        plan.buffer("weights.ssd").totalBytes() / 1048576.0,
        schedule.prefetch(),
        plan.buffer("ring").totalBytes() / 1048576.0);
    System.gc();
    long before = status("VmRSS");
    long heapBefore = Runtime.getRuntime().totalMemory();
    long cachedBefore = cached();
    try (var session = Session.open(plan, schedule, folder, folder, threads)) {
      var request = new Request(new int[] {1, 5, 7, 9}, TOKENS, Set.of(), Sampling.GREEDY);
      var requests = Collections.nCopies(sequences, request);
      session.generate(List.of(request), (index, id) -> true);
      session.record(false);
      var warm = session.metrics();
      long start = System.nanoTime();
      session.generate(requests, (index, id) -> true);
      double seconds = (System.nanoTime() - start) * 1e-9;
      var metrics = session.metrics();
      long bytes = metrics.streamedWeightBytes() - warm.streamedWeightBytes();
      System.out.printf(
          Locale.ROOT,
          "engine %d sequences, %d threads: %.0f MB/s, %.2f of the best raw read; %.2f tok/s%n",
          sequences,
          threads,
          bytes / seconds / 1e6,
          bytes / seconds / best,
          (metrics.generatedTokens() - warm.generatedTokens()) / seconds);
      if (session.reads().isPresent()) {
        var trial = session.reads().get();
        System.out.printf(
            Locale.ROOT,
            "trial to the ring: direct %.0f MB/s, buffered %.0f MB/s; reads are %s%n",
            trial.directBytesPerSecond() / 1e6,
            trial.bufferedBytesPerSecond() / 1e6,
            trial.direct() ? "direct" : "buffered");
      }
      double largest = 0;
      for (var lane : session.recording().lanes()) {
        double busy = lane.prefillBusySeconds() + lane.decodeBusySeconds();
        largest = Math.max(largest, busy);
        System.out.printf(Locale.ROOT, "lane %-14s %.2f of %.2f s%n", lane.name(), busy, seconds);
      }
      System.out.printf(Locale.ROOT, "achieved / largest lane %.3f%n", seconds / largest);
      System.out.printf(
          Locale.ROOT,
          "resident memory: %.1f MiB more than before, of it Java's heap %.1f MiB; the plan sets aside %.1f MiB%n",
          (status("VmRSS") - before) / 1048576.0,
          (Runtime.getRuntime().totalMemory() - heapBefore) / 1048576.0,
          plan.bytesOn("ram") / 1048576.0);
      System.out.printf(
          Locale.ROOT,
          "page cache: %.1f MiB more than before%n",
          (cached() - cachedBefore) / 1024.0);
    }
  }

  private static long status(String key) throws IOException {
    return 1024 * number(Path.of("/proc/self/status"), key);
  }

  /** KiB of the whole machine's page cache. */
  private static long cached() throws IOException {
    return number(Path.of("/proc/meminfo"), "\nCached");
  }

  private static long number(Path path, String key) throws IOException {
    var matcher = Pattern.compile(key + ":\\s+(\\d+) kB").matcher(Files.readString(path));
    if (!matcher.find()) {
      throw new IOException(path + " has no " + key.strip());
    }
    return Long.parseLong(matcher.group(1));
  }
}
