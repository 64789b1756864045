package dev.stowage.plan;

import java.util.Objects;

/** Where a model's numbers come from. */
public sealed interface ModelSource {
  /**
   * A Hugging Face folder.
   *
   * @param path as written in the plan's source, relative to it
   * @param fingerprint SHA-256, in hex, over config.json and the headers of the weight files: what
   *     the plan was made for
   */
  record HuggingFace(String path, String fingerprint) implements ModelSource {
    public HuggingFace {
      Objects.requireNonNull(path);
      Objects.requireNonNull(fingerprint);
    }
  }

  /**
   * A GGUF file.
   *
   * @param path as written in the plan's source, relative to it
   * @param fingerprint SHA-256, in hex, over the file's header: what the plan was made for
   */
  record Gguf(String path, String fingerprint) implements ModelSource {
    public Gguf {
      Objects.requireNonNull(path);
      Objects.requireNonNull(fingerprint);
    }
  }

  /** A shape by name; can be planned, not executed. */
  record ShapeOnly(String name) implements ModelSource {
    public ShapeOnly {
      Objects.requireNonNull(name);
    }
  }
}
