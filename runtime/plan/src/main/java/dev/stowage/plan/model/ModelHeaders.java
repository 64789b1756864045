package dev.stowage.plan.model;

import dev.stowage.plan.ModelShape;
import dev.stowage.plan.ModelSource;
import dev.stowage.plan.Weight;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/** What the headers of a model's files say: a Hugging Face folder's, or a GGUF file's. */
public sealed interface ModelHeaders permits ModelFolder, GgufModel {
  /** Reads and checks the headers of a folder, or of a file that is a GGUF file. */
  static ModelHeaders open(Path path) throws ModelFormatException {
    if (Files.isDirectory(path)) {
      return ModelFolder.open(path);
    }
    if (Files.isRegularFile(path)) {
      return GgufModel.open(path);
    }
    throw new ModelFormatException("%s: no such folder or file".formatted(path));
  }

  /** The folder, or the file. */
  Path path();

  ModelShape shape();

  TensorIndex index();

  /** Ids that end a text. */
  List<Integer> endTokens();

  /** The id a text begins with, where the model names one. */
  OptionalInt beginToken();

  /** SHA-256, in hex: says whether this is the model that a plan was made for. */
  String fingerprint();

  /**
   * Where a matrix lies.
   *
   * @param layer ignored for a matrix that belongs to no layer
   */
  Tensor tensor(Weight weight, int layer);

  /**
   * Where a vector lies.
   *
   * @param layer ignored for a vector that belongs to no layer
   */
  Tensor tensor(ModelVector vector, int layer);

  /** Where a plan's numbers come from if they come from here, under a path. */
  ModelSource source(String path);
}
