package dev.stowage.cli;

import dev.stowage.plan.ModelShape;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.tokenizer.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** A model's tokenizer, if its folder has one, held against the model's vocabulary. */
record Words(Path model, ModelShape shape, Optional<Tokenizer> tokenizer) {
  static Words of(Path model, ModelShape shape) throws ModelFormatException {
    boolean present =
        Files.exists(model.resolve("tokenizer.json"))
            || Files.exists(model.resolve("vocab.json"))
                && Files.exists(model.resolve("merges.txt"));
    return new Words(model, shape, present ? Optional.of(Tokenizer.read(model)) : Optional.empty());
  }

  /** The ids of a text, with those that open and close it. */
  int[] encode(String text) {
    return inVocabulary(required().encode(text));
  }

  /** The ids of a text alone. */
  int[] encodeBare(String text) {
    return inVocabulary(required().encodeBare(text));
  }

  private Tokenizer required() {
    return tokenizer.orElseThrow(
        () ->
            Failure.machine(
                "%s has no tokenizer (tokenizer.json, or vocab.json and merges.txt); give token ids instead of text"
                    .formatted(model)));
  }

  private int[] inVocabulary(int[] ids) {
    for (int id : ids) {
      if (id >= shape.vocabulary()) {
        throw Failure.machine(
            "%s: the tokenizer yields the id %d, but the model's vocabulary has %d: they do not belong together"
                .formatted(model, id, shape.vocabulary()));
      }
    }
    return ids;
  }

  /** Refuses ids that a user gave and the model does not have. */
  int[] checked(String where, int[] ids) {
    for (int id : ids) {
      if (id >= shape.vocabulary()) {
        throw Failure.usage(
            "%s: the id %d is outside the model's vocabulary of %d"
                .formatted(where, id, shape.vocabulary()));
      }
    }
    return ids;
  }
}
