package dev.stowage.runtime.session;

import dev.stowage.plan.Buffer;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.ModelSource;
import dev.stowage.plan.Op;
import dev.stowage.plan.Range;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.Section;
import dev.stowage.plan.Stages;
import dev.stowage.plan.Step;
import dev.stowage.plan.Weight;
import dev.stowage.plan.WeightRegion;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.plan.model.ModelHeaders;
import dev.stowage.plan.model.ModelVector;
import dev.stowage.runtime.device.ComputeDevice;
import dev.stowage.runtime.device.Device;
import dev.stowage.runtime.device.DeviceContext;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.device.DeviceProvider;
import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.KvSource;
import dev.stowage.runtime.device.KvStore;
import dev.stowage.runtime.kernel.HostKernels;
import dev.stowage.runtime.kernel.KernelSelection;
import dev.stowage.runtime.kernel.Kernels;
import dev.stowage.runtime.parallel.WorkerPool;
import dev.stowage.runtime.storage.Chunk;
import dev.stowage.runtime.storage.ReadTrial;
import dev.stowage.runtime.storage.StoredFile;
import dev.stowage.runtime.weights.Loading;
import dev.stowage.runtime.weights.ModelFiles;
import dev.stowage.runtime.weights.PreparedFile;
import dev.stowage.runtime.weights.RowSpan;
import dev.stowage.runtime.weights.WeightLoad;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;

/**
 * Binds a plan to devices, memory, kernels and files, in the order in which things can be missing:
 * model, devices, memory, weights. All that can fail or allocate happens here.
 */
final class Binder {
  /**
   * What binding yields; closing it gives everything back.
   *
   * @param logits {@code [sequences of a micro-batch, vocabulary]}, F32
   * @param reads how streamed weights are read, where a trial was worth its time
   */
  record Bound(
      Program program,
      KernelSelection<?> kernels,
      MemorySegment logits,
      Recorder recorder,
      Optional<ReadTrial> reads,
      Resources resources)
      implements AutoCloseable {
    @Override
    public void close() {
      resources.close();
    }
  }

  /** From so many streamed bytes a sweep on, a trial says how they are read: for a part of them. */
  private static final long TRIED_FROM_BYTES = 512L << 20;

  private static final long TRIAL_BYTES = 16L << 20;

  /** What a trial has under way at a time: a request of each thread, wherever it begins. */
  private static final long TRIED_AT_ONCE =
      (long) WeightStream.THREADS * StoredFile.REQUEST_BYTES - Footprint.PAGE_BYTES;

  /** From so many bytes of ring on, loading leaves nothing in the page cache. */
  private static final long SCARCE_BYTES = 64L << 20;

  private final ExecutablePlan plan;
  private final ModelShape shape;
  private final Stages stages;
  private final Schedule schedule;
  private final PreparedFile.Progress progress;
  private final Resources resources = new Resources();
  private final Recorder recorder = new Recorder();
  private final Map<String, Device> devices = new LinkedHashMap<>();
  private final Map<String, MemorySegment> memory = new HashMap<>();
  private final Map<String, KvStore> stores = new LinkedHashMap<>();
  private final Map<String, Lane> lanes = new LinkedHashMap<>();
  private Path base;
  private WorkerPool pool;
  private KernelSelection<?> selection;
  private HostKernels kernels;
  private final Map<String, ComputeDevice> gpus =
      new LinkedHashMap<>(); // none if the host computes
  private final ResidentRows hostRows = new ResidentRows(); // that a gpu gets copies of
  private Map<String, PreparedFile> prepared = Map.of();
  private ModelFiles files;
  private Optional<ReadTrial> reads = Optional.empty();

  private Binder(ExecutablePlan plan, Schedule schedule, PreparedFile.Progress progress) {
    this.plan = plan;
    this.schedule = schedule;
    this.progress = progress;
    shape = plan.shape();
    stages = plan.stages();
  }

  static Bound bind(
      ExecutablePlan plan,
      Schedule schedule,
      Path base,
      Path model,
      int threads,
      PreparedFile.Progress progress)
      throws ModelFormatException {
    var binder = new Binder(plan, schedule, progress);
    try {
      return binder.bind(base, model, threads);
    } catch (ModelFormatException | RuntimeException | Error e) {
      try {
        binder.resources.close();
      } catch (RuntimeException second) {
        e.addSuppressed(second);
      }
      throw e;
    }
  }

  private Bound bind(Path base, Path model, int threads) throws ModelFormatException {
    this.base = base;
    refuseDevicesThatCannotCompute();
    refuseApproximations();
    files = resources.add(openModel(model));
    pool = resources.add(new WorkerPool(threads));
    var host = KernelSelection.best(pool);
    kernels = host.kernels();
    selection = host;
    openDevices();
    allocate();
    var quantized = new QuantizedRows(plan, files, kernels, base, progress, resources);
    prepared = quantized.ofDisks();
    var ring = largeRing();
    reads = ring.flatMap(this::tryReads);
    var loading = ring.map(Loading::pastCache).orElseGet(Loading::throughCache);
    var weights = loadWeights(quantized, loading);
    var loaded = resources.add(loading.start(threads));
    if (ring.isEmpty()) {
      loaded.await(); // alone: beside the rest, reading through the cache took up to twice as long
    }
    var places = places();
    openStores();
    openLanes();
    var passes = passes();
    var stops = new ArrayList<Commands.Stop>();
    var loads = new ArrayList<List<Load>>();
    var table = tableKernels();
    var commands =
        places.stream()
            .map(
                place ->
                    new Commands(
                        plan, place, table, gpus, memory, weights, hostRows, stores, lanes, files,
                        prepared, recorder))
            .toList();
    int[] stageOf = plan.stagesOfStops();
    for (var section : plan.sections()) {
      for (int i = 0; i < section.repeats(); i++) {
        int layer = section.layers().isEmpty() ? 0 : section.layers().from() + i;
        var stopLoads = loadsOf(section, layer);
        loads.add(stopLoads);
        stops.add(commands.get(stageOf[stops.size()]).bind(section, layer, stopLoads));
      }
    }
    int[] word = schedule.word(stageOf, plan.batch().microBatches());
    var stopLoads = new boolean[loads.size()];
    for (int stop = 0; stop < stopLoads.length; stop++) {
      stopLoads[stop] = !loads.get(stop).isEmpty();
    }
    int[] entries = Program.entries(word, plan.batch().microBatches(), stopLoads, stageOf);
    loaded.await();
    if (ring.isPresent()) {
      files.forgetCached(); // what has been quantized, and whatever else is there
    }
    var program =
        new Program(
            stops.stream().map(Commands.Stop::commands).toArray(Command[][]::new),
            stops.stream().mapToInt(Commands.Stop::layer).toArray(),
            stops.stream().mapToInt(Commands.Stop::waits).toArray(),
            Commands.flights(plan),
            word,
            entries,
            passes,
            plan.batch().sequencesPerMicroBatch(),
            stageOf,
            openStreams(word, entries, loads, stageOf),
            List.copyOf(lanes.values()),
            List.copyOf(stores.values()),
            List.copyOf(devices.values()));
    return new Bound(program, selection, commands.getLast().logits(), recorder, reads, resources);
  }

  private boolean onGpus() {
    return plan.machine().device(stages.first()).kind() == DeviceKind.GPU;
  }

  /** Gpus compute, or a host; hidden states go from gpu to gpu. */
  private void refuseDevicesThatCannotCompute() {
    for (var device : plan.machine().devices()) {
      if (device.kind() == DeviceKind.GPU
          && !stages.compute(device.name())
          && plan.bytesOn(device.name()) > 0) {
        throw new DeviceException(
            device.name(),
            "the plan computes on %s, and this executor uses no gpu beside that"
                .formatted(String.join(", ", stages.devices())));
      }
      if (stages.count() > 1 && stages.compute(device.name()) && device.kind() != DeviceKind.GPU) {
        throw new DeviceException(
            device.name(),
            "of the devices that compute layers, %s, it is no gpu, and this executor hands hidden states over between gpus only"
                .formatted(String.join(", ", stages.devices())));
      }
    }
    for (var buffer : plan.buffers()) {
      if (waits(buffer)
          && (!onGpus()
              || stages.count() > 1
              || plan.machine().device(buffer.device()).kind() != DeviceKind.HOST)) {
        throw new DeviceException(
            buffer.device(),
            "hidden states of %d micro-batches are to wait there, and this executor keeps them where it computes, or those of one gpu in host memory"
                .formatted(buffer.instances()));
      }
    }
  }

  /** Hidden states between stops, elsewhere than where the plan computes. */
  static boolean waits(Buffer buffer) {
    return buffer.name().startsWith("waiting.");
  }

  private void refuseApproximations() {
    for (var region : plan.weights()) {
      if (region.type() != shape.type(region.weight(), region.layers().from())) {
        refuseConversion(region);
      }
    }
    for (var region : plan.kv()) {
      if (plan.kvType().wholeGroups()) {
        throw new DeviceException(
            region.device(),
            "keys and values cannot be stored as %s: Stowage makes no blocks of that kind"
                .formatted(plan.kvType().word()));
      }
      if (region.sparsity().isPresent()) {
        refuseSparse(region);
      }
    }
  }

  private void refuseConversion(WeightRegion region) {
    if (!ElementType.made().contains(region.type())) {
      throw new DeviceException(
          region.home(),
          "rows of %s are to lie there as %s, and the model has them as %s: weights are quantized when they are loaded, or kept as they are"
              .formatted(
                  region.weight().word(),
                  region.type().word(),
                  shape.type(region.weight(), region.layers().from()).word()));
    }
  }

  /**
   * Sparse attention keeps keys by channel too, which groups of quantized numbers do not allow, and
   * a mean of all values, which a window would have to leave. From a disk all is read anyway.
   */
  private void refuseSparse(KvRegion region) {
    if (plan.kvType().quantized()) {
      throw new DeviceException(
          region.device(),
          "attention over KV region %s cannot be sparse: keys are stored as %s, in groups, and single channels of them cannot be read"
              .formatted(region.name(), plan.kvType().word()));
    }
    if (plan.machine().device(region.device()).kind() == DeviceKind.DISK) {
      throw new DeviceException(
          region.device(),
          "attention over KV region %s cannot be sparse: a disk brings a sequence whole; keep it in host memory or on a csd"
              .formatted(region.name()));
    }
    int window = shape.slidingWindow().orElse(Integer.MAX_VALUE);
    if (window < plan.batch().tokens()) {
      throw new DeviceException(
          region.attendAt(),
          "attention over KV region %s cannot be sparse: the model's sliding window of %d tokens hides some of the plan's %d"
              .formatted(region.name(), window, plan.batch().tokens()));
    }
  }

  private ModelFiles openModel(Path model) throws ModelFormatException {
    return switch (plan.source()) {
      case ModelSource.HuggingFace(var path, var fingerprint) ->
          openModel(model, path, fingerprint);
      case ModelSource.Gguf(var path, var fingerprint) -> openModel(model, path, fingerprint);
      case ModelSource.ShapeOnly(var name) ->
          throw new ModelFormatException(
              "the plan was made for the shape %s, without weights: it can be planned, not run"
                  .formatted(name));
    };
  }

  private ModelFiles openModel(Path model, String path, String fingerprint)
      throws ModelFormatException {
    var headers = ModelHeaders.open(model);
    if (!headers.fingerprint().equals(fingerprint)) {
      throw new ModelFormatException(
          "%s is not the model this plan was compiled for (%s): its configuration or tensor headers differ; compile the plan again"
              .formatted(model, path));
    }
    if (!headers.shape().equals(shape)) {
      throw new ModelFormatException(
          "%s has another shape than the plan: %s, not %s"
              .formatted(model, headers.shape(), shape));
    }
    return ModelFiles.open(headers);
  }

  private void openDevices() {
    var providers = new HashMap<DeviceKind, DeviceProvider>();
    ServiceLoader.load(DeviceProvider.class).forEach(p -> providers.put(p.kind(), p));
    // a gpu closes before the host memory that it copies from
    var inOrder =
        plan.machine().devices().stream()
            .sorted(Comparator.comparing(spec -> spec.kind() == DeviceKind.GPU))
            .toList();
    for (DeviceSpec spec : inOrder) {
      if (plan.bytesOn(spec.name()) > 0) {
        var provider = providers.get(spec.kind());
        if (provider == null) {
          throw new DeviceException(
              spec.name(), "this installation has no support for a " + spec.kind().word());
        }
        var context = new DeviceContext(base, kernels, number(spec));
        devices.put(spec.name(), resources.add(provider.open(spec, context)));
      }
    }
    for (var name : stages.devices()) {
      if (devices.get(name) instanceof ComputeDevice computes) {
        gpus.put(name, computes);
      }
    }
    if (onGpus()) {
      selection =
          new KernelSelection<>(
              gpus.get(stages.first()).kernels(),
              "The plan computes on %s.".formatted(String.join(", ", stages.devices())));
    }
  }

  /** Which of the machine's devices of its kind a device is. */
  private int number(DeviceSpec device) {
    return plan.machine().devices().stream()
        .filter(d -> d.kind() == device.kind())
        .toList()
        .indexOf(device);
  }

  /** Copies between host memory and the gpus that compute will be many. */
  private void expectCopies(MemorySegment host) {
    gpus.values().forEach(gpu -> gpu.expectCopies(host));
  }

  /** Activations and working buffers; weights and KV regions follow with what fills them. */
  private void allocate() {
    for (var buffer : plan.buffers()) {
      switch (buffer.purpose()) {
        case ACTIVATIONS ->
            memory.put(
                buffer.name(),
                devices.get(buffer.device()).allocate(buffer.name(), buffer.totalBytes()));
        case WORKING ->
            memory.put(
                buffer.name(),
                devices.get(buffer.device()).allocateForReads(buffer.name(), buffer.totalBytes()));
        case WEIGHTS, KV -> {}
      }
      if (memory.containsKey(buffer.name())
          && plan.machine().device(buffer.device()).kind() == DeviceKind.HOST) {
        expectCopies(memory.get(buffer.name()));
      }
    }
  }

  /**
   * Host memory that streamed weights come to, and which nobody needs before the first step. Empty
   * where it is not so large that memory must be scarce.
   */
  private Optional<MemorySegment> largeRing() {
    return plan.buffers().stream()
        .filter(buffer -> buffer.name().startsWith("ring"))
        .filter(buffer -> plan.machine().device(buffer.device()).kind() == DeviceKind.HOST)
        .map(buffer -> memory.get(buffer.name()))
        .filter(ring -> ring.byteSize() >= SCARCE_BYTES)
        .max(Comparator.comparing(MemorySegment::byteSize));
  }

  /** How a disk that has much to bring is read: what a sweep begins with is read either way. */
  private Optional<ReadTrial> tryReads(MemorySegment room) {
    var chunks = new ArrayList<Chunk>();
    for (var section : plan.sections()) {
      for (int i = 0; i < section.repeats(); i++) {
        int layer = section.layers().isEmpty() ? 0 : section.layers().from() + i;
        for (var step : section.steps()) {
          if (step instanceof Step.Load load && !fromMemory(load)) {
            addChunks(chunks, span(load, layer), room);
          }
        }
      }
    }
    return chunks.stream().mapToLong(Chunk::bytes).sum() < TRIED_FROM_BYTES
        ? Optional.empty()
        : ReadTrial.run(chunks, TRIAL_BYTES, WeightStream.THREADS);
  }

  /** The requests for rows that are read in whole pages: all to the room that a few need. */
  private static void addChunks(List<Chunk> chunks, RowSpan rows, MemorySegment room) {
    for (long at = 0; rows.inPages() && at < rows.bytes(); at += TRIED_AT_ONCE) {
      chunks.addAll(rows.chunks(at, Math.min(TRIED_AT_ONCE, rows.bytes() - at), room));
    }
  }

  /**
   * Rows that lie in memory are read there, soon; rows on a disk stay in files.
   *
   * @param loading hears of all those that need not be quantized now
   */
  private ResidentRows loadWeights(QuantizedRows quantized, Loading loading)
      throws ModelFormatException {
    var resident = new ResidentRows();
    var left = new HashMap<String, MemorySegment>();
    var vectors = stages.devices().stream().map(device -> stages.own("vectors", device)).toList();
    for (var buffer : plan.buffers()) {
      if (buffer.purpose() == Buffer.Purpose.WEIGHTS
          && !vectors.contains(buffer.name())
          && plan.machine().device(buffer.device()).kind() != DeviceKind.DISK
          && devices.containsKey(buffer.device())) {
        left.put(
            buffer.device(),
            devices.get(buffer.device()).allocate(buffer.name(), buffer.totalBytes()));
      }
    }
    if (!schedule.pageable().contains(Buffer.Purpose.WEIGHTS)) {
      left.forEach(
          (name, rows) -> {
            if (plan.machine().device(name).kind() == DeviceKind.HOST) {
              expectCopies(rows);
            }
          });
    }
    for (var region : plan.weights()) {
      switch (plan.machine().device(region.home()).kind()) {
        case HOST -> {
          long bytes = region.rows().size() * shape.rowBytes(region.weight(), region.type());
          for (int layer = region.layers().from(); layer < region.layers().to(); layer++) {
            var rest = left.get(region.home());
            var slab = rest.asSlice(0, bytes);
            left.put(region.home(), rest.asSlice(Footprint.align(bytes)));
            if (quantized.contain(region, layer)) {
              quantized.load(region, layer, loading, slab);
            } else {
              loading.add(files.span(region.weight(), layer, region.rows()), slab);
            }
            (onGpus() ? hostRows : resident)
                .add(region.weight(), layer, region.rows(), region.type(), slab);
          }
        }
        case DISK -> {}
        case GPU -> loadOnGpu(region, left, quantized, resident);
        case CSD ->
            throw new DeviceException(
                region.home(),
                "weights (%s) cannot lie there; a gpu, host memory and disks hold weights"
                    .formatted(region.weight().word()));
      }
    }
    return resident;
  }

  /** Brings rows to the gpu piece by piece, so that the host holds one piece of them at most. */
  private void loadOnGpu(
      WeightRegion region,
      Map<String, MemorySegment> left,
      QuantizedRows quantized,
      ResidentRows resident)
      throws ModelFormatException {
    long rowBytes = shape.rowBytes(region.weight(), region.type());
    long bytes = region.rows().size() * rowBytes;
    var pieces = quantized.pieces(region);
    var gpu = gpus.get(region.home());
    try (var arena = Arena.ofShared()) {
      var staged = arena.allocate(pieces.getFirst().size() * rowBytes, 64);
      for (int layer = region.layers().from(); layer < region.layers().to(); layer++) {
        var rest = left.get(region.home());
        var slab = rest.asSlice(0, bytes);
        left.put(region.home(), rest.asSlice(Footprint.align(bytes)));
        for (var rows : pieces) {
          var piece = staged.asSlice(0, rows.size() * rowBytes);
          if (quantized.contain(region, layer)) {
            quantized.read(region, layer, rows, piece);
          } else {
            files.bind(region.weight(), layer, rows, piece).read();
          }
          gpu.write(
              piece,
              slab.asSlice((rows.from() - region.rows().from()) * rowBytes, piece.byteSize()));
        }
        resident.add(region.weight(), layer, region.rows(), region.type(), slab);
      }
    }
  }

  /** Where the stages compute, and what brings hidden states from one to the next. */
  private List<ComputePlace> places() throws ModelFormatException {
    var places = new ArrayList<ComputePlace>();
    Handover arrives = null;
    for (int i = 0; i < stages.count(); i++) {
      var stage = stages.list().get(i);
      boolean last = i == stages.count() - 1;
      var leaves = last ? null : handover(stage.device(), stages.list().get(i + 1).device());
      places.add(
          new ComputePlace(
              stages,
              stage.device(),
              gpus.get(stage.device()),
              loadVectors(stage),
              arrives,
              leaves));
      arrives = leaves;
    }
    return places;
  }

  private Handover handover(String from, String to) {
    return new Handover(
        gpus.get(from),
        gpus.get(to),
        memory.get(stages.own("hidden", from)),
        memory.get(stages.own("hidden", to)),
        plan.batch().microBatches(),
        4L * shape.hidden());
  }

  private Vectors loadVectors(Stages.Stage stage) throws ModelFormatException {
    var buffer = plan.buffer(stages.own("vectors", stage.device()));
    var segment = devices.get(buffer.device()).allocate(buffer.name(), buffer.totalBytes());
    var gpu = gpus.get(stage.device());
    var vectors = new Vectors();
    long offset = 0;
    for (var vector : ModelVector.values()) {
      int length = vector.length(shape);
      var layers = vector.perLayer() ? stage.layers() : Range.upTo(1);
      for (int layer = layers.from(); length > 0 && layer < layers.to(); layer++) {
        var target = segment.asSlice(offset, 4L * length);
        if (gpu == null) {
          files.read(vector, layer, target);
        } else {
          try (var arena = Arena.ofShared()) {
            var staged = arena.allocate(4L * length, 64);
            files.read(vector, layer, staged);
            gpu.write(staged, target);
          }
        }
        vectors.add(vector, layer, target);
        offset += target.byteSize();
      }
    }
    return vectors;
  }

  private void openStores() {
    for (KvRegion region : plan.kv()) {
      refuseAttentionElsewhere(region);
      var layout =
          KvLayout.of(
              shape,
              region,
              plan.kvType(),
              plan.batch().rowsPerPass(),
              schedule.writeBack().getOrDefault(region.device(), 0),
              plan.pages(region));
      var staging = memory.getOrDefault("staging." + region.name(), MemorySegment.NULL);
      var store = resources.add(devices.get(region.device()).openKv(layout, staging));
      stores.put(region.name(), broughtToGpu(region) ? brought(store, layout) : store);
    }
  }

  /** Whether a gpu attends to keys and values that lie elsewhere. */
  private boolean broughtToGpu(KvRegion region) {
    return !region.device().equals(region.attendAt())
        && plan.machine().device(region.attendAt()).kind() == DeviceKind.GPU;
  }

  private KvStore brought(KvStore store, KvLayout layout) {
    var region = layout.region();
    if (region.sparsity().isPresent() || !(store instanceof KvSource source)) {
      throw new DeviceException(
          region.attendAt(),
          "attention there to KV region %s needs all keys brought from %s, which it cannot"
              .formatted(region.name(), region.device()));
    }
    if (plan.machine().device(region.device()).kind() == DeviceKind.HOST
        && !schedule.pageable().contains(Buffer.Purpose.KV)) {
      expectCopies(source.memory());
    }
    var staging =
        plan.buffers().stream()
            .map(Buffer::name)
            .filter(
                name ->
                    name.startsWith("staging." + region.name() + ".")
                        && plan.buffer(name).device().equals(region.attendAt()))
            .findFirst()
            .orElseThrow(
                () ->
                    new DeviceException(
                        region.attendAt(),
                        "the plan has no room there to bring KV region %s to"
                            .formatted(region.name())));
    return new BroughtKvStore(
        store, gpus.get(region.attendAt()).attention(layout, source, memory.get(staging)));
  }

  /**
   * Hosts, drives and gpus attend to what they hold; hosts and gpus attend to what disks hold, and
   * gpus to what hosts hold.
   */
  private void refuseAttentionElsewhere(KvRegion region) {
    var home = plan.machine().device(region.device()).kind();
    var place = plan.machine().device(region.attendAt()).kind();
    boolean here =
        region.device().equals(region.attendAt())
            ? home != DeviceKind.DISK
            : switch (home) {
              case DISK -> place == DeviceKind.HOST || place == DeviceKind.GPU && onGpus();
              case HOST -> place == DeviceKind.GPU && onGpus();
              case GPU, CSD -> false;
            };
    if (!here) {
      throw new DeviceException(
          region.attendAt(),
          "this executor cannot attend there to keys and values on %s".formatted(region.device()));
    }
  }

  /** A gpu's compute lane looks rows up while another lane's attention has the threads. */
  private Kernels tableKernels() {
    return !onGpus() ? kernels : KernelSelection.best(resources.add(new WorkerPool(1))).kernels();
  }

  /**
   * Drives have the lanes that the schedule gives them. The host beside a gpu has always one, and
   * all of its attention takes turns there: it has all threads.
   */
  private void openLanes() {
    String host = null;
    for (var region : plan.kv()) {
      String name = Commands.laneOf(plan, region);
      boolean hosts = plan.machine().device(name).kind() == DeviceKind.HOST;
      boolean opens = hosts ? onGpus() : schedule.lanes().contains(name);
      if (opens && !stages.compute(name) && !lanes.containsKey(name)) {
        lanes.put(name, hosts && host != null ? lanes.get(host) : resources.add(new Lane(name)));
        host = hosts ? name : host;
      }
    }
  }

  private Pass[] passes() {
    var hidden = plan.buffer("hidden");
    var segment = memory.get("hidden");
    var elsewhere = new ArrayList<MemorySegment>();
    for (var buffer : plan.buffers()) {
      if (waits(buffer)) {
        for (int i = 0; i < buffer.instances(); i++) {
          elsewhere.add(memory.get(buffer.name()).asSlice(i * buffer.bytes(), buffer.bytes()));
        }
      }
    }
    var passes = new Pass[plan.batch().microBatches()];
    int here = passes.length - elsewhere.size();
    int rows = plan.batch().rowsPerPass();
    for (int i = 0; i < passes.length; i++) {
      var own = segment.asSlice(Math.min(i, here) * hidden.bytes(), hidden.bytes());
      passes[i] = new Pass(i, rows, own, i < here ? null : elsewhere.get(i - here));
    }
    return passes;
  }

  /**
   * A load of a stop.
   *
   * @param span where the rows lie in a file; null where they lie in memory
   * @param source the rows in memory; null where they lie in a file
   * @param room where in the ring's slot its room begins
   * @param lane that it is heard of on, as that work
   */
  record Load(
      Weight weight,
      Range rows,
      ElementType type,
      RowSpan span,
      MemorySegment source,
      long room,
      Recorder.Lane lane,
      Recorder.Work work) {
    /** Where in the ring's slot its first row begins. */
    long offset() {
      return span == null ? room : room + span.shift();
    }

    long bytes() {
      return span == null ? source.byteSize() : span.bytes();
    }

    /** Whether a product is with rows that this brings. */
    boolean serves(Op.MatMul op) {
      return op.weight() == weight && rows.contains(op.rows());
    }

    /** The step of a stop after which this is not needed any more; -1 if it never is. */
    int lastUse(Section section) {
      int last = section.steps().size() - 1;
      while (last >= 0
          && !(section.steps().get(last) instanceof Step.Compute(Op.MatMul op, _, _, _)
              && serves(op))) {
        last--;
      }
      return last;
    }

    /** Where in the ring's slot its room ends. */
    long end() {
      return span == null ? room + Footprint.align(source.byteSize()) : endOfSpan();
    }

    /** Where in the ring's slot what comes from a file ends. */
    long endOfSpan() {
      return span == null ? 0 : room + span.roomBytes();
    }
  }

  /**
   * The loads of a stop in the order they are used; those of whole pages lie first in the ring's
   * slot, and those from memory last.
   */
  private List<Load> loadsOf(Section section, int layer) {
    var loads = new ArrayList<Load>();
    long offset = 0;
    for (boolean pages : new boolean[] {true, false}) {
      for (var step : section.steps()) {
        if (step instanceof Step.Load load && !fromMemory(load)) {
          var span = span(load, layer);
          if (span.inPages() == pages) {
            loads.add(load(load, section, layer, span, null, offset));
            offset += span.roomBytes();
          }
        }
      }
    }
    for (var step : section.steps()) {
      if (step instanceof Step.Load load && fromMemory(load)) {
        var source = rowsInMemory(load, layer);
        loads.add(load(load, section, layer, null, source, offset));
        offset += Footprint.align(source.byteSize());
      }
    }
    loads.sort(Comparator.comparing(load -> load.lastUse(section)));
    return loads;
  }

  private Load load(
      Step.Load load, Section section, int layer, RowSpan span, MemorySegment source, long room) {
    return new Load(
        load.weight(),
        load.rows(),
        load.type(),
        span,
        source,
        room,
        recorder.lane("read(" + load.from() + ")"),
        Commands.work(load, section, layer));
  }

  private boolean fromMemory(Step.Load load) {
    return plan.machine().device(load.from()).kind() == DeviceKind.HOST;
  }

  private MemorySegment rowsInMemory(Step.Load load, int layer) {
    var slab =
        hostRows
            .find(load.weight(), layer, load.rows())
            .orElseThrow(
                () ->
                    new DeviceException(
                        load.from(),
                        "the plan loads rows %s of %s from there, where they are not"
                            .formatted(load.rows(), load.weight().word())));
    long rowBytes = shape.rowBytes(load.weight(), load.type());
    return slab.segment()
        .asSlice(
            (load.rows().from() - slab.rows().from()) * rowBytes, load.rows().size() * rowBytes);
  }

  private RowSpan span(Step.Load load, int layer) {
    return load.type() == shape.type(load.weight(), layer)
        ? files.span(load.weight(), layer, load.rows())
        : prepared.get(load.from()).span(load.weight(), layer, load.rows());
  }

  /** The stages' read lanes; null where a stage loads nothing. */
  private WeightStream[] openStreams(
      int[] word, int[] entries, List<List<Load>> loads, int[] stageOf) {
    var sequences = new ArrayList<List<Integer>>(); // stops, in the order a sweep loads them
    stages.list().forEach(stage -> sequences.add(new ArrayList<>()));
    var at = new int[plan.batch().microBatches()];
    for (int i = 0; i < word.length; i++) {
      int stop = at[word[i]]++;
      var sequence = sequences.get(stageOf[stop]);
      if (entries[i] == sequence.size()) {
        sequence.add(stop);
      }
    }
    var streams = new WeightStream[sequences.size()];
    for (int stage = 0; stage < streams.length; stage++) {
      if (!sequences.get(stage).isEmpty()) {
        streams[stage] = openStream(stages.list().get(stage).device(), sequences.get(stage), loads);
      }
    }
    return streams;
  }

  private WeightStream openStream(String device, List<Integer> sequence, List<List<Load>> loads) {
    var gpu = gpus.get(device);
    var name = stages.own("ring", device);
    var ring = ringSlots(name);
    var landing = gpu == null ? ring : landing(name);
    var copies = gpu == null ? null : gpu.copyLane();
    var slots = new ArrayList<List<List<WeightStream.Heard>>>();
    for (int i = 0; i < ring.size(); i++) {
      var onGpu = ring.get(i);
      var read = landing.isEmpty() ? MemorySegment.NULL : landing.get(i);
      slots.add(
          sequence.stream()
              .map(
                  stop ->
                      loads.get(stop).stream()
                          .map(load -> heard(load, read, onGpu, copies))
                          .toList())
              .toList());
    }
    var stream =
        resources.add(
            gpu == null
                ? new WeightStream(slots)
                : new WeightStream(
                    slots,
                    new GpuRing(
                        gpu,
                        copies,
                        landing,
                        ring,
                        sequence.stream()
                            .mapToLong(
                                stop ->
                                    loads.get(stop).stream()
                                        .mapToLong(Load::endOfSpan)
                                        .max()
                                        .orElse(0))
                            .toArray())));
    stream.start();
    return stream;
  }

  /** As many slots as run ahead of the stop that computes, and that one. */
  private List<MemorySegment> ringSlots(String name) {
    var ring = plan.buffer(name);
    var segment = memory.get(name);
    var slots = new ArrayList<MemorySegment>();
    for (int slot = 0; slot <= schedule.prefetch(); slot++) {
      slots.add(segment.asSlice(slot * ring.bytes(), ring.bytes()));
    }
    return slots;
  }

  /** Host memory that rows from files pass through on their way to a gpu; none if none do. */
  private List<MemorySegment> landing(String ring) {
    for (var buffer : plan.buffers()) {
      boolean host = plan.machine().device(buffer.device()).kind() == DeviceKind.HOST;
      if (host && buffer.name().equals(Stages.on(ring, buffer.device()))) {
        return ringSlots(buffer.name());
      }
    }
    return List.of();
  }

  private static WeightStream.Heard heard(
      Load load, MemorySegment read, MemorySegment onGpu, ComputeDevice.CopyLane copies) {
    var bound =
        load.span() == null
            ? WeightLoad.fromMemory(
                new GpuRing.FromMemory(
                    load.source(), onGpu.asSlice(load.room(), load.bytes()), copies))
            : load.span().load(read.asSlice(load.room()));
    var reading = load.lane().reading(load.work(), load.bytes(), bound.requests().size());
    return new WeightStream.Heard(bound, reading, load.room(), load.end());
  }
}
