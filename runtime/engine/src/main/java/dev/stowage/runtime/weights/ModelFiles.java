package dev.stowage.runtime.weights;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Range;
import dev.stowage.plan.Weight;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.plan.model.ModelHeaders;
import dev.stowage.plan.model.ModelVector;
import dev.stowage.plan.model.Tensor;
import dev.stowage.runtime.storage.PageCache;
import dev.stowage.runtime.storage.StoredFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalInt;

/** The open weight files of a model. Readers bound to them work until they are closed. */
public final class ModelFiles implements AutoCloseable {
  private static final ValueLayout.OfShort STORED_SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat STORED_FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final ModelHeaders model;
  private final Map<Path, StoredFile> stored;

  private ModelFiles(ModelHeaders model, Map<Path, StoredFile> stored) {
    this.model = model;
    this.stored = stored;
  }

  /**
   * Opens the model that a plan was made for.
   *
   * @param fingerprint the plan's
   * @throws ModelFormatException if folder or file are broken, or hold another model
   */
  public static ModelFiles open(Path folder, String fingerprint) throws ModelFormatException {
    var model = ModelHeaders.open(folder);
    if (!model.fingerprint().equals(fingerprint)) {
      throw new ModelFormatException(
          "%s: not the model this plan was compiled for (fingerprint %s, the plan says %s); compile the plan again"
              .formatted(folder, shortened(model.fingerprint()), shortened(fingerprint)));
    }
    return open(model);
  }

  private static String shortened(String fingerprint) {
    return fingerprint.length() <= 12 ? fingerprint : fingerprint.substring(0, 12) + "…";
  }

  /** Opens the weight files of a model, which must not have changed since it was read. */
  public static ModelFiles open(ModelHeaders model) throws ModelFormatException {
    var stored = new LinkedHashMap<Path, StoredFile>();
    var files = new ModelFiles(model, stored);
    try {
      for (var file : model.index().files()) {
        var opened = StoredFile.open(file);
        stored.put(file, opened);
        long before = model.index().fileBytes(file);
        if (opened.channel().size() != before) {
          throw new ModelFormatException(
              "%s: has changed from %d to %d bytes since its header was read"
                  .formatted(file, before, opened.channel().size()));
        }
      }
      return files;
    } catch (IOException e) {
      files.close();
      throw new ModelFormatException("%s: cannot be read: %s".formatted(model.path(), e), e);
    } catch (ModelFormatException e) {
      files.close();
      throw e;
    }
  }

  public ModelShape shape() {
    return model.shape();
  }

  /** What the files are, for whatever is made of their data: names, sizes and times of change. */
  public String identity() throws ModelFormatException {
    var text = new StringBuilder(model.fingerprint());
    try {
      for (var file : stored.keySet()) {
        text.append('\n')
            .append(file.getFileName())
            .append(' ')
            .append(Files.size(file))
            .append(' ')
            .append(Files.getLastModifiedTime(file).toMillis());
      }
    } catch (IOException e) {
      throw new ModelFormatException("%s: cannot be read: %s".formatted(model.path(), e), e);
    }
    return text.toString();
  }

  /**
   * Where rows of a matrix lie, as stored.
   *
   * @param layer ignored for a matrix that belongs to no layer
   */
  public RowSpan span(Weight weight, int layer, Range rows) {
    var shape = model.shape();
    if (rows.to() > shape.rows(weight)) {
      throw new IllegalArgumentException(
          "rows %s of %s, which has %d".formatted(rows, weight.word(), shape.rows(weight)));
    }
    var tensor = model.tensor(weight, layer);
    long rowBytes = shape.rowBytes(weight, layer);
    return new RowSpan(
        stored.get(tensor.file()),
        tensor,
        tensor.offset() + rows.from() * rowBytes,
        rows.size() * rowBytes,
        OptionalInt.empty());
  }

  /**
   * Prepares to read rows of a matrix, as stored, to the start of a segment. The reads themselves
   * allocate nothing.
   *
   * @param layer ignored for a matrix that belongs to no layer
   * @param target native memory of at least {@code rows.size() · shape.rowBytes(weight, layer)}
   *     bytes, accessible to the thread that reads
   */
  public RowReader bind(Weight weight, int layer, Range rows, MemorySegment target) {
    return span(weight, layer, rows).reader(target);
  }

  /**
   * Prepares to look up single rows of a matrix that belongs to no layer.
   *
   * @param target native memory of {@code shape.rowBytes(weight, 0)} bytes
   */
  public TableReader table(Weight weight, MemorySegment target) {
    var first = span(weight, 0, Range.upTo(1));
    return new TableReader(first, target.asSlice(0, first.bytes()));
  }

  /**
   * Reads a vector, widened to F32.
   *
   * @param layer ignored for a vector that belongs to no layer
   * @param target at least {@code vector.length(shape)} floats
   * @throws UncheckedIOException if the file cannot be read; the message is one line for the user
   */
  public void read(ModelVector vector, int layer, MemorySegment target) {
    var tensor = model.tensor(vector, layer);
    try (var arena = Arena.ofConfined()) {
      var numbers = arena.allocate(tensor.bytes(), Float.BYTES);
      var file = stored.get(tensor.file());
      new RowSpan(file, tensor, tensor.offset(), tensor.bytes(), OptionalInt.empty())
          .reader(numbers)
          .read();
      widen(numbers, type(tensor), target, vector.length(model.shape()));
    }
  }

  private static ElementType type(Tensor tensor) {
    try {
      return tensor.elementType();
    } catch (ModelFormatException e) {
      throw new IllegalStateException("the folder was checked when it was opened", e);
    }
  }

  private static void widen(MemorySegment stored, ElementType type, MemorySegment to, int count) {
    for (int i = 0; i < count; i++) {
      float value =
          switch (type) {
            case F32 -> stored.get(STORED_FLOAT, 4L * i);
            case F16 -> Float.float16ToFloat(stored.get(STORED_SHORT, 2L * i));
            case BF16 -> Float.intBitsToFloat(stored.get(STORED_SHORT, 2L * i) << 16);
            case INT8, INT4, Q8_0, Q4_0, Q4_K, Q6_K -> throw type.notSingle();
          };
      to.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * i, value);
    }
  }

  /** Has the page cache forget what it holds of the files, where the system can be told to. */
  public void forgetCached() {
    for (var file : stored.keySet()) {
      PageCache.open(file)
          .ifPresent(
              cache -> {
                try (cache) {
                  cache.drop(0, 0);
                }
              });
    }
  }

  @Override
  public void close() {
    stored.values().forEach(StoredFile::close);
  }
}
