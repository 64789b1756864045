package dev.stowage.calibrate;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Range;
import dev.stowage.plan.RateCurve;
import dev.stowage.plan.RateCurve.Measure;
import dev.stowage.plan.RateValue;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.device.Device;
import dev.stowage.runtime.device.DeviceContext;
import dev.stowage.runtime.device.DeviceProvider;
import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.KvSource;
import dev.stowage.runtime.device.KvStore;
import dev.stowage.runtime.device.Rows;
import dev.stowage.runtime.kernel.Kernels;
import dev.stowage.runtime.parallel.WorkerPool;
import dev.stowage.runtime.storage.Chunk;
import dev.stowage.runtime.storage.StoredFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.TreeMap;

/**
 * A disk as the engine uses it: rows of weights read out of a model's file in the engine's
 * requests, as many at once as the engine's, keys and values written by the engine's store; and the
 * page cache, by which the engine's store for short sequences reads and writes. All files are
 * scratch, in a folder that the caller removes.
 */
final class DiskPieces implements AutoCloseable {
  private static final int[] READ_ROWS = {4, 16, 64, 128, 256, 1024};

  private static final int[] WRITE_TOKENS = {1, 4, 16, 64, 256};
  private static final int HEADS = 8;
  private static final int HEAD_DIM = 64;
  private static final int TOKENS = 2048;

  /** Of a sequence so short that its store goes through the page cache, and of transfers there. */
  private static final int SHORT_TOKENS = 60;

  private static final int[] CACHED_TOKENS = {1, 4, 16, SHORT_TOKENS};

  /** More than processors cache: a step comes back to a sequence after all others. */
  private static final int SHORT_SLOTS = 128;

  private static final int HIDDEN = 1024;
  private static final long ROW_BYTES = HIDDEN * 4L;
  private static final long TOKEN_BYTES = 2L * HEADS * HEAD_DIM * 4;
  private static final long PAGE = 4096;

  /** Tensors begin anywhere in a page. */
  private static final long WITHIN_PAGE = 64;

  /**
   * Read together: the engine reads on and on, so that waiting for the last load must not count.
   */
  private static final long BATCH_BYTES = 32L << 20;

  /** Threads that read weights, as in the engine. */
  private static final int LANES = 2;

  /** Of what is read to: like the engine's ring, more than caches hold, and on large pages. */
  private static final long RING_BYTES = 48L << 20;

  private static final int MANY = 4;
  private static final int MANY_ROWS = 256;
  private static final String TOGETHER = "read together";
  private static final String READS_BESIDE = "reads beside products";
  private static final String PRODUCTS_BESIDE = "products beside reads";

  private final Device host;
  private final Device device;
  private final KvStore store;
  private final KvStore shortStore;
  private final StoredFile file;
  private final int fileRows;
  private final MemorySegment ring;
  private final Arena arena = Arena.ofShared();
  private final WorkerPool lanes = new WorkerPool(LANES);
  private final WorkerPool many = new WorkerPool(MANY);
  private final double timedSeconds;
  private int appended; // tokens
  private int shortSlot;

  private DiskPieces(
      Device host,
      Device device,
      KvStore store,
      KvStore shortStore,
      StoredFile file,
      int fileRows,
      double timedSeconds) {
    this.host = host;
    this.device = device;
    this.store = store;
    this.shortStore = shortStore;
    this.file = file;
    this.fileRows = fileRows;
    this.timedSeconds = timedSeconds;
    ring = host.allocateForReads("ring", RING_BYTES);
    ring.fill((byte) 0); // or the first reads wait for its pages
    fillShort();
  }

  /** Bytes that the scratch files take. */
  static long scratchBytes(int rows) {
    return model(rows).bytes() + (TOKENS + SHORT_SLOTS * SHORT_TOKENS) * TOKEN_BYTES;
  }

  private static RandomModel model(int rows) {
    return new RandomModel(1, HIDDEN, HEADS, HEADS, HIDDEN, rows, TOKENS, ElementType.F32);
  }

  static DiskPieces open(Path scratch, Kernels kernels, int fileRows, double timedSeconds)
      throws IOException, ModelFormatException {
    var model = model(fileRows);
    model.write(scratch.resolve("model"));
    var context = new DeviceContext(scratch, kernels);
    var host = device(DeviceKind.HOST, Optional.empty(), context);
    var path = Optional.of(scratch.toAbsolutePath().toString());
    var device = device(DeviceKind.DISK, path, context);
    int most = WRITE_TOKENS[WRITE_TOKENS.length - 1];
    return new DiskPieces(
        host,
        device,
        store(host, device, 1, TOKENS, most),
        store(host, device, SHORT_SLOTS, SHORT_TOKENS, SHORT_TOKENS),
        StoredFile.open(scratch.resolve("model").resolve("model.safetensors")),
        fileRows,
        timedSeconds);
  }

  private static KvStore store(Device host, Device disk, int slots, int tokens, int rows) {
    var region =
        new KvRegion(
            "calibration",
            new Range(0, 1),
            new Range(0, slots),
            new Range(0, HEADS),
            new Range(0, tokens),
            "disk",
            "host",
            Optional.empty());
    var layout =
        new KvLayout(region, HEADS, HEADS, HEAD_DIM, ElementType.F32, Integer.MAX_VALUE, rows);
    return disk.openKv(
        layout, host.allocateForReads("staging", Footprint.diskStagingBytes(TOKEN_BYTES, region)));
  }

  private static Device device(DeviceKind kind, Optional<String> path, DeviceContext context) {
    var spec = new DeviceSpec(kind.word(), kind, Long.MAX_VALUE, 0, path, false, Map.of());
    return ServiceLoader.load(DeviceProvider.class).stream()
        .map(ServiceLoader.Provider::get)
        .filter(provider -> provider.kind() == kind)
        .findFirst()
        .orElseThrow(
            () -> new CalibrationException("no %s is on the class path".formatted(kind.word())))
        .open(spec, context);
  }

  /** See {@link ReadTwice#largestIn}. */
  Optional<ReadTwice> readTwice(Path folder, long most) throws IOException {
    return ReadTwice.largestIn(folder, most, ring, lanes);
  }

  List<Piece> pieces() {
    var pieces = new ArrayList<Piece>();
    for (int rows : READ_ROWS) {
      pieces.add(repeated(read(rows), reads(rows, lanes)));
    }
    pieces.add(repeated(TOGETHER, reads(MANY_ROWS, many)));
    for (int tokens : WRITE_TOKENS) {
      pieces.add(repeated(write(tokens), append(tokens)));
    }
    for (int tokens : CACHED_TOKENS) {
      pieces.add(repeated(cachedRead(tokens), bring(tokens)));
      pieces.add(repeated(cachedWrite(tokens), overwrite(tokens)));
    }
    return pieces;
  }

  /**
   * Reads and products alone and beside each other.
   *
   * @param products those of {@link KernelPieces#reference}, on threads of their own
   */
  List<Piece> beside(Piece products) {
    return List.of(
        products,
        new Beside(READS_BESIDE, reads(), products),
        new Beside(PRODUCTS_BESIDE, products, reads()));
  }

  /** The part of the products that reading all the time takes; 0 where it takes none. */
  static double slowsHost(Map<String, Double> seconds) {
    return slowed(seconds.get(KernelPieces.REFERENCE), seconds.get(PRODUCTS_BESIDE));
  }

  /** The part of the reads that products all the time take; 0 where they take none. */
  static double slowedByHost(Map<String, Double> seconds) {
    return slowed(seconds.get(read(MANY_ROWS)), seconds.get(READS_BESIDE));
  }

  private static double slowed(double alone, double beside) {
    return Math.max(0, 1 - alone / beside);
  }

  /** Reads of {@value #MANY_ROWS} rows, as the engine's. */
  Piece reads() {
    return repeated(read(MANY_ROWS), reads(MANY_ROWS, lanes));
  }

  /** Bytes of one such read. */
  static long readBytes() {
    return MANY_ROWS * ROW_BYTES;
  }

  /** Bytes a second, of the seconds that {@link #reads()} took. */
  static double readRate(double seconds) {
    return batch(MANY_ROWS) * readBytes() / seconds;
  }

  private Piece repeated(String name, Runnable unit) {
    return new Repeated(name, unit, timedSeconds, timedSeconds);
  }

  private static String read(int rows) {
    return "read " + rows * ROW_BYTES;
  }

  private static String write(int tokens) {
    return "write " + tokens * TOKEN_BYTES;
  }

  private static String cachedRead(int tokens) {
    return "read-cached " + tokens * TOKEN_BYTES;
  }

  private static String cachedWrite(int tokens) {
    return "write-cached " + tokens * TOKEN_BYTES;
  }

  /** {@link #batch} reads of so many rows each, shared by some threads, all over the file. */
  private Runnable reads(int rows, WorkerPool threads) {
    var rooms = new ArrayList<MemorySegment>();
    long slot = rows * ROW_BYTES + PAGE;
    for (long at = 0; at + slot <= ring.byteSize(); at += slot) {
      rooms.add(ring.asSlice(at, slot));
    }
    var loads = new ArrayList<List<Chunk>>();
    int batch = batch(rows);
    int spans = fileRows / rows;
    for (int i = 0; i < Math.max(batch, spans); i++) { // no two threads share a read
      long from = i % spans * rows * ROW_BYTES + WITHIN_PAGE;
      loads.add(file.chunks("rows", from, rows * ROW_BYTES, rooms.get(i % rooms.size())));
    }
    return new Runnable() {
      private int next;

      @Override
      public void run() {
        int first = next;
        threads.run(
            (worker, from, to) -> {
              for (int i = from; i < to; i++) {
                loads.get((first + i) % loads.size()).forEach(Chunk::read);
              }
            },
            batch,
            1);
        next = (first + batch) % loads.size();
      }
    };
  }

  /** Loads that are timed together: enough that two threads are busy for most of the time. */
  private static int batch(int rows) {
    return Math.clamp(BATCH_BYTES / (rows * ROW_BYTES), 8, 128);
  }

  /** Appends to what all pieces have appended before; begins anew where there is no room. */
  private Runnable append(int tokens) {
    var rows = new Rows(tokens);
    var numbers = arena.allocate(tokens * TOKEN_BYTES / 2, 64);
    return () -> {
      if (appended + tokens > TOKENS) {
        store.clear(0);
        appended = 0;
      }
      rows.clear();
      for (int token = 0; token < tokens; token++) {
        rows.add(0, appended + token, appended);
      }
      appended += tokens;
      store.append(0, rows, numbers, numbers);
    };
  }

  private void fillShort() {
    for (int slot = 0; slot < SHORT_SLOTS; slot++) {
      overwrite(SHORT_TOKENS).run();
    }
  }

  /** Reads the first tokens of one short sequence after the other. */
  private Runnable bring(int tokens) {
    var source = (KvSource) shortStore;
    return () -> source.bring(0, nextShort(), tokens);
  }

  /** Writes the first tokens of one short sequence after the other. */
  private Runnable overwrite(int tokens) {
    var rows = new Rows(tokens);
    var numbers = arena.allocate(tokens * TOKEN_BYTES / 2, 64);
    return () -> {
      int slot = nextShort();
      rows.clear();
      for (int token = 0; token < tokens; token++) {
        rows.add(slot, token, 0);
      }
      shortStore.append(0, rows, numbers, numbers);
    };
  }

  private int nextShort() {
    return shortSlot++ % SHORT_SLOTS;
  }

  /** Reading and writing by the bytes of one transfer. */
  static List<RateCurve> curves(Map<String, Double> seconds) {
    var reads = new TreeMap<Long, RateValue>();
    for (int rows : READ_ROWS) {
      long bytes = rows * ROW_BYTES;
      reads.put(bytes, KernelPieces.measured(batch(rows) * bytes / seconds.get(read(rows))));
    }
    var writes = new TreeMap<Long, RateValue>();
    for (int tokens : WRITE_TOKENS) {
      long bytes = tokens * TOKEN_BYTES;
      writes.put(bytes, KernelPieces.measured(bytes / seconds.get(write(tokens))));
    }
    var cachedReads = new TreeMap<Long, RateValue>();
    var cachedWrites = new TreeMap<Long, RateValue>();
    for (int tokens : CACHED_TOKENS) {
      long bytes = tokens * TOKEN_BYTES;
      cachedReads.put(bytes, KernelPieces.measured(bytes / seconds.get(cachedRead(tokens))));
      cachedWrites.put(bytes, KernelPieces.measured(bytes / seconds.get(cachedWrite(tokens))));
    }
    return List.of(
        new RateCurve(Measure.READ, Optional.empty(), reads),
        new RateCurve(Measure.READ_CACHED, Optional.empty(), cachedReads),
        new RateCurve(Measure.WRITE, Optional.empty(), writes),
        new RateCurve(Measure.WRITE_CACHED, Optional.empty(), cachedWrites));
  }

  /** Bytes a second of {@value #MANY} loads of 1 MiB at once. */
  static double togetherRate(Map<String, Double> seconds) {
    return batch(MANY_ROWS) * MANY_ROWS * ROW_BYTES / seconds.get(TOGETHER);
  }

  @Override
  public void close() {
    lanes.close();
    many.close();
    device.close();
    host.close();
    file.close();
    arena.close();
  }
}
