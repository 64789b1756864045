package dev.stowage.plan.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The tensors of a folder: {@code model.safetensors}, or the shards that {@code
 * model.safetensors.index.json} names; or those of a GGUF file.
 */
public final class TensorIndex {
  private static final String SINGLE = "model.safetensors";
  private static final String SHARDED = "model.safetensors.index.json";
  private static final long LONGEST_INDEX = 16L << 20;

  private final SortedMap<String, Tensor> tensors;
  private final List<WeightFile> headers;

  private TensorIndex(SortedMap<String, Tensor> tensors, List<? extends WeightFile> headers) {
    this.tensors = Collections.unmodifiableSortedMap(tensors);
    this.headers = List.copyOf(headers);
  }

  /** Reads the headers of a folder's weight files, each checked against its file. */
  public static TensorIndex open(Path folder) throws ModelFormatException {
    if (Files.exists(folder.resolve(SINGLE))) {
      return of(List.of(SafetensorsHeader.read(folder.resolve(SINGLE))));
    }
    var indexFile = folder.resolve(SHARDED);
    if (!Files.exists(indexFile)) {
      throw new ModelFormatException(
          "%s: no weights here: neither %s nor %s (other formats are not read)"
              .formatted(folder, SINGLE, SHARDED));
    }
    return sharded(folder, indexFile);
  }

  private static TensorIndex sharded(Path folder, Path indexFile) throws ModelFormatException {
    JsonNode weightMap = JsonFile.read(indexFile, LONGEST_INDEX).get("weight_map");
    if (weightMap == null || !weightMap.isObject()) {
      throw new ModelFormatException("%s: has no weight_map".formatted(indexFile));
    }
    var fileOf = new TreeMap<String, String>();
    var files = new TreeMap<String, Path>();
    for (var entry : weightMap.properties()) {
      if (!entry.getValue().isTextual()) {
        throw new ModelFormatException(
            "%s: tensor %s names no file".formatted(indexFile, entry.getKey()));
      }
      String file = entry.getValue().textValue();
      if (!isPlainFileName(file)) {
        throw new ModelFormatException(
            "%s: tensor %s names '%s', which is not a .safetensors file of this folder"
                .formatted(indexFile, entry.getKey(), file));
      }
      fileOf.put(entry.getKey(), file);
      files.put(file, folder.resolve(file));
    }
    for (var path : files.values()) {
      if (!Files.exists(path)) {
        throw new ModelFormatException(
            "%s: shard %s is missing".formatted(indexFile, path.getFileName()));
      }
    }
    var headers = new ArrayList<WeightFile>();
    for (var path : files.values()) {
      headers.add(SafetensorsHeader.read(path));
    }
    var index = of(headers);
    for (var entry : fileOf.entrySet()) {
      var tensor = index.tensors.get(entry.getKey());
      if (tensor == null || !tensor.file().equals(files.get(entry.getValue()))) {
        throw new ModelFormatException(
            "%s: tensor %s is not in shard %s"
                .formatted(indexFile, entry.getKey(), entry.getValue()));
      }
    }
    return index;
  }

  private static boolean isPlainFileName(String name) {
    return name.length() <= 255 && name.matches("[A-Za-z0-9_][A-Za-z0-9_.+-]*\\.safetensors");
  }

  /** The tensors of one file. */
  static TensorIndex of(WeightFile file) throws ModelFormatException {
    return of(List.of(file));
  }

  private static TensorIndex of(List<? extends WeightFile> headers) throws ModelFormatException {
    var tensors = new TreeMap<String, Tensor>();
    for (var header : headers) {
      for (var tensor : header.tensors()) {
        var other = tensors.put(tensor.name(), tensor);
        if (other != null) {
          throw new ModelFormatException(
              "%s: tensor %s lies in %s, too"
                  .formatted(tensor.file(), tensor.name(), other.file().getFileName()));
        }
      }
    }
    return new TensorIndex(tensors, headers);
  }

  /** All tensors by name. */
  public Map<String, Tensor> tensors() {
    return tensors;
  }

  public Optional<Tensor> find(String name) {
    return Optional.ofNullable(tensors.get(name));
  }

  /** The weight files in the order of their names. */
  public List<Path> files() {
    return headers.stream().map(WeightFile::file).toList();
  }

  /** Bytes of a weight file when its header was read. */
  public long fileBytes(Path file) {
    return headers.stream()
        .filter(header -> header.file().equals(file))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("not a weight file of this model: " + file))
        .fileBytes();
  }

  List<WeightFile> headers() {
    return headers;
  }
}
