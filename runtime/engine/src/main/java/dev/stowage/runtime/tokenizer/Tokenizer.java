package dev.stowage.runtime.tokenizer;

import dev.stowage.plan.model.GgufModel;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.tokenizer.PreTokenizer.Piece;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/** Turns text into token ids and back. Immutable; may be used by many threads. */
public final class Tokenizer {
  private final AddedTokens added;
  private final Normalizer normalizer;
  private final PreTokenizer preTokenizer;
  private final BytePairModel model;
  private final Frame frame;
  private final Decoder decoder;
  private final Map<Integer, String> tokens = new HashMap<>();
  private final Map<String, Integer> addedIds = new HashMap<>();
  private final Set<Integer> special = new HashSet<>();
  private final int vocabularySize;

  /** Ids that the post-processor puts around a text. */
  record Frame(int[] before, int[] after) {}

  Tokenizer(
      List<AddedTokens.Token> addedTokens,
      Normalizer normalizer,
      PreTokenizer preTokenizer,
      BytePairModel model,
      Frame frame,
      Decoder decoder) {
    added = new AddedTokens(addedTokens, normalizer);
    this.normalizer = normalizer;
    this.preTokenizer = preTokenizer;
    this.model = model;
    this.frame = frame;
    this.decoder = decoder;
    model.vocabulary().forEach((token, id) -> tokens.put(id, token));
    for (var token : addedTokens) {
      tokens.put(
          token.id(), token.normalized() ? normalizer.normalize(token.content()) : token.content());
      addedIds.put(token.content(), token.id());
      if (token.special()) {
        special.add(token.id());
      }
    }
    vocabularySize = 1 + tokens.keySet().stream().mapToInt(Integer::intValue).max().orElse(-1);
  }

  /**
   * Reads a model folder's {@code tokenizer.json}, else its {@code vocab.json} and {@code
   * merges.txt}; or a {@code tokenizer.json} by its path; or the tokenizer in a GGUF file.
   * Truncation and padding that the file asks for are not applied: a prompt is never cut silently.
   */
  public static Tokenizer read(Path path) throws ModelFormatException {
    return GgufModel.isGguf(path)
        ? GgufTokenizer.read(GgufModel.metadata(path))
        : TokenizerFile.read(path);
  }

  /** Whether a model's folder or GGUF file has a tokenizer. */
  public static boolean isIn(Path model) throws ModelFormatException {
    if (GgufModel.isGguf(model)) {
      return GgufTokenizer.isIn(GgufModel.metadata(model));
    }
    return Files.exists(model.resolve("tokenizer.json"))
        || Files.exists(model.resolve("vocab.json")) && Files.exists(model.resolve("merges.txt"));
  }

  /**
   * The ids of a text, with those that the tokenizer puts around it.
   *
   * @throws IllegalArgumentException if the vocabulary cannot express the text
   */
  public int[] encode(String text) {
    var ids = new Ids();
    ids.addAll(frame.before());
    encode(text, ids);
    ids.addAll(frame.after());
    return ids.toArray();
  }

  /**
   * The ids of a text alone.
   *
   * @throws IllegalArgumentException if the vocabulary cannot express the text
   */
  public int[] encodeBare(String text) {
    var ids = new Ids();
    encode(text, ids);
    return ids.toArray();
  }

  private void encode(String text, Ids ids) {
    for (var part : added.cutVerbatim(text)) {
      if (part.id() >= 0) {
        ids.add(part.id());
        continue;
      }
      String normalized = normalizer.normalize(part.text());
      for (var inner : added.cutNormalized(normalized, part.first())) {
        if (inner.id() >= 0) {
          ids.add(inner.id());
          continue;
        }
        var pieces = new ArrayList<Piece>();
        preTokenizer.cut(new Piece(inner.text(), inner.first()), pieces);
        for (var piece : pieces) {
          model.encode(piece.text(), ids);
        }
      }
    }
  }

  /** The text of ids; special tokens and ids without a token are left out. */
  public String decode(int[] ids) {
    var stream = stream();
    var text = new StringBuilder();
    for (int id : ids) {
      text.append(stream.add(id));
    }
    return text.append(stream.finish()).toString();
  }

  /** Starts to decode ids one by one. */
  public TextStream stream() {
    return new TextStream(this, decoder);
  }

  /** One more than the largest id that has a token; a model's vocabulary may be padded beyond. */
  public int vocabularySize() {
    return vocabularySize;
  }

  /** The id of a token as the vocabulary spells it. */
  public OptionalInt id(String token) {
    Integer id = addedIds.containsKey(token) ? addedIds.get(token) : model.vocabulary().get(token);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /** How the vocabulary spells an id. */
  public Optional<String> token(int id) {
    return Optional.ofNullable(tokens.get(id));
  }

  /** Whether an id is a control token, such as one that ends a text. */
  public boolean isSpecial(int id) {
    return special.contains(id);
  }
}
