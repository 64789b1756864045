package dev.stowage.runtime.session;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Range;
import dev.stowage.plan.WeightRegion;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.kernel.HostKernels;
import dev.stowage.runtime.kernel.Quantized;
import dev.stowage.runtime.weights.Loading;
import dev.stowage.runtime.weights.ModelFiles;
import dev.stowage.runtime.weights.PreparedFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * The rows that a plan stores otherwise than the model's files. Those of a disk lie there in a file
 * of their own. Those of memory are kept in another one, on the first of the plan's disks, since to
 * quantize rows takes many times as long as to read them; without a disk, or where it does not take
 * the file, they are quantized whenever they are loaded.
 */
final class QuantizedRows {
  /** Rows of memory are kept, checked and loaded so many bytes at a time, unless one has more. */
  private static final long PIECE_BYTES = 32L << 20;

  private final ExecutablePlan plan;
  private final ModelShape shape;
  private final ModelFiles files;
  private final Path base;
  private final PreparedFile.Progress progress;
  private final Quantizer quantizer;
  private final Map<String, PreparedFile> ofDisks = new HashMap<>();
  private final Optional<PreparedFile> ofMemory;
  private final long bytesOfMemory;
  private long quantized; // of them, in this run

  /**
   * Makes the files that are not there yet.
   *
   * @param base folder that paths of disks start from
   * @param resources that close the files
   */
  QuantizedRows(
      ExecutablePlan plan,
      ModelFiles files,
      HostKernels kernels,
      Path base,
      PreparedFile.Progress progress,
      Resources resources)
      throws ModelFormatException {
    this.plan = plan;
    this.shape = plan.shape();
    this.files = files;
    this.base = base;
    this.progress = progress;
    quantizer = new Quantizer(shape, files, kernels);
    for (var disk : disks()) {
      var slabs = slabs(region -> region.home().equals(disk.name()));
      if (!slabs.isEmpty()) {
        try {
          ofDisks.put(disk.name(), resources.add(prepare(disk, slabs)));
        } catch (IOException e) {
          throw new DeviceException(
              disk.name(),
              "quantized weights cannot be kept in %s: %s".formatted(folder(disk), e),
              e);
        }
      }
    }
    var slabs = slabs(region -> kind(region) != DeviceKind.DISK);
    bytesOfMemory = slabs.stream().mapToLong(PreparedFile.Slab::bytes).sum();
    ofMemory = slabs.isEmpty() ? Optional.empty() : keep(slabs).map(resources::add);
  }

  /** Files of rows that live on disks, by the disks' names. */
  Map<String, PreparedFile> ofDisks() {
    return ofDisks;
  }

  /** Whether a plan stores a layer's rows otherwise than the model's files. */
  boolean contain(WeightRegion region, int layer) {
    return region.type() != shape.type(region.weight(), layer);
  }

  /**
   * Loads a region's rows of one layer.
   *
   * @param loading may read them, when it runs
   * @param target {@code [rows, columns]} of the region's type
   */
  void load(WeightRegion region, int layer, Loading loading, MemorySegment target)
      throws ModelFormatException {
    long rowBytes = shape.rowBytes(region.weight(), region.type());
    for (var rows : pieces(region)) {
      long at = (rows.from() - region.rows().from()) * rowBytes;
      var piece = target.asSlice(at, rows.size() * rowBytes);
      if (ofMemory.isPresent()) {
        loading.add(ofMemory.get().span(region.weight(), layer, rows), piece);
      } else {
        quantize(region, layer, rows, piece);
      }
    }
  }

  /** Brings rows of a layer, which are one of the region's {@link #pieces}, to a place at once. */
  void read(WeightRegion region, int layer, Range rows, MemorySegment target)
      throws ModelFormatException {
    if (ofMemory.isPresent()) {
      ofMemory.get().span(region.weight(), layer, rows).reader(target).read();
    } else {
      quantize(region, layer, rows, target);
    }
  }

  private void quantize(WeightRegion region, int layer, Range rows, MemorySegment target)
      throws ModelFormatException {
    quantizer.read(region.weight(), layer, rows, region.type(), target);
    quantized += target.byteSize();
    progress.made(quantized, bytesOfMemory);
  }

  /** Rows of a region in as many pieces as they are brought to memory in. */
  List<Range> pieces(WeightRegion region) {
    long rowBytes = shape.rowBytes(region.weight(), region.type());
    int count = Math.clamp(PIECE_BYTES / rowBytes, 1, region.rows().size());
    var pieces = new ArrayList<Range>();
    for (int row = region.rows().from(); row < region.rows().to(); row += count) {
      pieces.add(new Range(row, Math.min(row + count, region.rows().to())));
    }
    return pieces;
  }

  private List<DeviceSpec> disks() {
    return plan.machine().devices().stream()
        .filter(device -> device.kind() == DeviceKind.DISK)
        .toList();
  }

  private DeviceKind kind(WeightRegion region) {
    return plan.machine().device(region.home()).kind();
  }

  /** The regions' rows layer by layer; those of disks whole, as they are read, others in pieces. */
  private List<PreparedFile.Slab> slabs(Predicate<WeightRegion> some) {
    var slabs = new ArrayList<PreparedFile.Slab>();
    for (var region : plan.weights()) {
      for (int layer = region.layers().from(); layer < region.layers().to(); layer++) {
        if (some.test(region) && contain(region, layer)) {
          var pieces = kind(region) == DeviceKind.DISK ? List.of(region.rows()) : pieces(region);
          for (var rows : pieces) {
            slabs.add(
                new PreparedFile.Slab(
                    region.weight(),
                    layer,
                    rows,
                    region.type(),
                    shape.rowBytes(region.weight(), region.type())));
          }
        }
      }
    }
    return slabs;
  }

  private Optional<PreparedFile> keep(List<PreparedFile.Slab> slabs) throws ModelFormatException {
    var disk = disks().stream().findFirst();
    try {
      return disk.isPresent() ? Optional.of(prepare(disk.get(), slabs)) : Optional.empty();
    } catch (IOException e) {
      return Optional.empty(); // a full disk, or one that is only read, costs time and no more
    }
  }

  private Path folder(DeviceSpec disk) {
    return base.resolve(disk.path().orElse(System.getProperty("java.io.tmpdir")));
  }

  private PreparedFile prepare(DeviceSpec disk, List<PreparedFile.Slab> slabs)
      throws IOException, ModelFormatException {
    return PreparedFile.open(
        folder(disk),
        key(slabs),
        slabs,
        (slab, rows, target) ->
            quantizer.read(slab.weight(), slab.layer(), rows, slab.type(), target),
        progress);
  }

  private byte[] key(List<PreparedFile.Slab> slabs) throws ModelFormatException {
    try {
      var digest = MessageDigest.getInstance("SHA-256");
      digest.update(files.identity().getBytes(StandardCharsets.UTF_8));
      digest.update(slabs.toString().getBytes(StandardCharsets.UTF_8));
      digest.update((byte) Quantized.VERSION); // other codes are another file
      return digest.digest();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
