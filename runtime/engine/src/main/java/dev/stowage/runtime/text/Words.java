package dev.stowage.runtime.text;

import dev.stowage.plan.ModelShape;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.tokenizer.Tokenizer;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Function;

/** A model's tokenizer, if it has one, held against the model's vocabulary. */
public record Words(Path model, ModelShape shape, Optional<Tokenizer> tokenizer) {
  /**
   * Reads a model's tokenizer.
   *
   * @param model the model's folder, or its GGUF file
   * @throws ModelFormatException if there is a tokenizer that cannot be read
   */
  public static Words of(Path model, ModelShape shape) throws ModelFormatException {
    return new Words(
        model,
        shape,
        Tokenizer.isIn(model) ? Optional.of(Tokenizer.read(model)) : Optional.empty());
  }

  /**
   * The ids of a text, with those that open and close it.
   *
   * @throws ModelFormatException if the model has no tokenizer, one of another model, or one that
   *     cannot express the text
   */
  public int[] encode(String text) throws ModelFormatException {
    return ids(required()::encode, text);
  }

  /**
   * The ids of a text alone.
   *
   * @throws ModelFormatException if the model has no tokenizer, one of another model, or one that
   *     cannot express the text
   */
  public int[] encodeBare(String text) throws ModelFormatException {
    return ids(required()::encodeBare, text);
  }

  private int[] ids(Function<String, int[]> encoder, String text) throws ModelFormatException {
    try {
      return inVocabulary(encoder.apply(text));
    } catch (IllegalArgumentException e) {
      throw new ModelFormatException("%s: %s".formatted(model, e.getMessage()), e);
    }
  }

  private Tokenizer required() throws ModelFormatException {
    return tokenizer.orElseThrow(
        () ->
            new ModelFormatException(
                "%s has no tokenizer (tokenizer.json, vocab.json and merges.txt, or one in a .gguf file); give token ids instead of text"
                    .formatted(model)));
  }

  private int[] inVocabulary(int[] ids) throws ModelFormatException {
    for (int id : ids) {
      if (id >= shape.vocabulary()) {
        throw new ModelFormatException(
            "%s: the tokenizer yields the id %d, but the model's vocabulary has %d: they do not belong together"
                .formatted(model, id, shape.vocabulary()));
      }
    }
    return ids;
  }
}
