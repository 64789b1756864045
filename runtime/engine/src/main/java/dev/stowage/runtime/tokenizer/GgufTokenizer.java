package dev.stowage.runtime.tokenizer;

import dev.stowage.plan.model.GgufMetadata;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.tokenizer.AddedTokens.Token;
import dev.stowage.runtime.tokenizer.PreTokenizer.Behavior;
import dev.stowage.runtime.tokenizer.Tokenizer.Frame;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * Reads the tokenizer among a GGUF file's keys, {@code tokenizer.ggml.*}: {@code gpt2}, byte-level
 * pairs with merges, cut by the pattern that {@code pre} names; or {@code llama}, SentencePiece's
 * pairs, merged by the scores of what they make.
 *
 * <p>Source: llama.cpp, {@code llama-vocab.cpp}. Of tokens with equal scores, the one with the
 * smaller id is made first; there it is the leftmost. Trained vocabularies have no equal scores.
 */
final class GgufTokenizer {
  private static final String PREFIX = "tokenizer.ggml.";
  private static final int MOST_TOKENS = 1 << 21;
  private static final int LONGEST_TOKEN = 512;

  private static final int UNKNOWN = 2;
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;
  private static final int BYTE = 6;

  private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|";
  private static final String REST = "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  private static final String GPT2 =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
  private static final String LLAMA3 =
      CONTRACTIONS
          + "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
          + REST;
  private static final String QWEN2 =
      CONTRACTIONS + "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" + REST;
  private static final String TEKKEN =
      "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+"
          + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*"
          + "|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*"
          + REST;

  private final GgufMetadata metadata;
  private final List<String> tokens;
  private final int[] types;
  private final Map<String, Integer> vocabulary = new HashMap<>();

  private GgufTokenizer(GgufMetadata metadata) throws ModelFormatException {
    this.metadata = metadata;
    tokens = texts("tokens");
    types =
        metadata
            .integers(PREFIX + "token_type")
            .orElseGet(() -> IntStream.generate(() -> 1).limit(tokens.size()).toArray());
    if (types.length != tokens.size()) {
      throw metadata.wrong(
          PREFIX + "token_type", "is not as long as the %d tokens".formatted(tokens.size()));
    }
    for (int id = 0; id < tokens.size(); id++) {
      vocabulary.put(tokens.get(id), id);
    }
  }

  /** Whether the file has a tokenizer. */
  static boolean isIn(GgufMetadata metadata) throws ModelFormatException {
    var model = metadata.text(PREFIX + "model");
    return model.isPresent() && !model.get().equals("no_vocab");
  }

  static Tokenizer read(GgufMetadata metadata) throws ModelFormatException {
    var model =
        metadata.text(PREFIX + "model").orElseThrow(() -> metadata.missing(PREFIX + "model"));
    return switch (model) {
      case "gpt2" -> new GgufTokenizer(metadata).bytePairs();
      case "llama" -> new GgufTokenizer(metadata).sentencePieces();
      default -> throw metadata.wrong(PREFIX + "model", "is neither gpt2 nor llama");
    };
  }

  // -- byte-level pairs

  /** How text is cut, and what goes with it unless the file says otherwise. */
  private record Cut(List<PreTokenizer> steps, boolean wholeTokens, boolean begin) {}

  private Tokenizer bytePairs() throws ModelFormatException {
    var cut = cut();
    var steps = new ArrayList<>(cut.steps());
    steps.add(new PreTokenizer.Bytes(false, false));
    var model =
        new BytePairModel(
            vocabulary, merges(), OptionalInt.empty(), false, false, cut.wholeTokens());
    return new Tokenizer(
        added(),
        new Normalizer.None(),
        new PreTokenizer.Sequence(steps),
        model,
        frame(cut.begin(), OptionalInt.empty()),
        Decoder.byteLevel());
  }

  private Cut cut() throws ModelFormatException {
    String key = PREFIX + "pre";
    String pre = metadata.text(key).orElse("default");
    return switch (pre) {
      case "default" ->
          new Cut(
              List.of(
                  isolated("[\\p{P}\\$\\+<=>\\^~\\|]+"),
                  isolated(GPT2),
                  isolated("\\p{N}+"),
                  isolated("[0-9][0-9][0-9]")),
              false,
              false);
      case "gpt-2", "mpt", "olmo", "phi-2" -> new Cut(List.of(isolated(GPT2)), false, false);
      case "smollm", "starcoder", "refact" ->
          new Cut(List.of(isolated("\\p{N}"), isolated(GPT2)), false, false);
      case "llama-bpe", "llama3", "llama-v3" -> new Cut(List.of(isolated(LLAMA3)), true, true);
      case "tekken" -> new Cut(List.of(isolated(TEKKEN)), true, true);
      case "qwen2", "deepseek-r1-qwen" -> new Cut(List.of(isolated(QWEN2)), false, false);
      default ->
          throw metadata.wrong(
              key,
              "is a way to cut text that is not supported; default, gpt-2, llama-bpe, qwen2, smollm, starcoder and tekken are");
    };
  }

  private static PreTokenizer isolated(String regex) {
    return new PreTokenizer.Split(TextPattern.java(regex), Behavior.ISOLATED, false);
  }

  private MergeTable merges() throws ModelFormatException {
    var merges = texts("merges");
    var table = new MergeTable(merges.size());
    for (int rank = 0; rank < merges.size(); rank++) {
      String merge = merges.get(rank);
      int space = merge.indexOf(' ', 1);
      Integer left = space < 0 ? null : vocabulary.get(merge.substring(0, space));
      Integer right = space < 0 ? null : vocabulary.get(merge.substring(space + 1));
      Integer result =
          space < 0 ? null : vocabulary.get(merge.substring(0, space) + merge.substring(space + 1));
      if (left == null || right == null || result == null) {
        throw metadata.wrong(
            PREFIX + "merges",
            "holds '%s' at %d, which the tokens cannot express".formatted(merge, rank));
      }
      table.put(left, right, rank, result);
    }
    return table;
  }

  // -- SentencePiece

  private record Merge(int left, int right, int rank, int result) {}

  private Tokenizer sentencePieces() throws ModelFormatException {
    boolean prefix = metadata.flag(PREFIX + "add_space_prefix").orElse(true);
    var visible = new Normalizer.Replace(TextPattern.literal(" "), "▁");
    List<Normalizer> steps =
        prefix ? List.of(new Normalizer.Prepend("▁"), visible) : List.of(visible);
    int unknown = metadata.natural(PREFIX + "unknown_token_id").orElse(0);
    var model =
        new BytePairModel(
            vocabulary,
            scores(),
            unknown < tokens.size() ? OptionalInt.of(unknown) : OptionalInt.empty(),
            true,
            true,
            false);
    var decoder =
        new Decoder(
            List.of(
                new Decoder.Step.Replace(TextPattern.literal("▁"), " "),
                new Decoder.Step.ByteFallback()),
            prefix ? List.of(new Decoder.Drop(' ', 1)) : List.of());
    return new Tokenizer(
        added(),
        new Normalizer.Sequence(steps),
        new PreTokenizer.None(),
        model,
        frame(true, OptionalInt.of(1)),
        decoder);
  }

  /** Every way to make a token of two others, ranked by the token's score, the highest first. */
  private MergeTable scores() throws ModelFormatException {
    var scores =
        metadata.numbers(PREFIX + "scores").orElseThrow(() -> metadata.missing(PREFIX + "scores"));
    if (scores.length != tokens.size()) {
      throw metadata.wrong(
          PREFIX + "scores", "is not as long as the %d tokens".formatted(tokens.size()));
    }
    var ids =
        IntStream.range(0, scores.length)
            .filter(
                id -> isPiece(id) && tokens.get(id).codePointCount(0, tokens.get(id).length()) > 1)
            .boxed()
            .sorted(
                Comparator.<Integer>comparingDouble(id -> -scores[id])
                    .thenComparing(Comparator.naturalOrder()))
            .toList();
    var merges = new ArrayList<Merge>();
    int rank = 0;
    for (int id : ids) {
      String token = tokens.get(id);
      if (token.length() > LONGEST_TOKEN) {
        throw metadata.wrong(
            PREFIX + "tokens", "holds a token of %d characters".formatted(token.length()));
      }
      for (int i = 1; i < token.length(); i++) {
        Integer left = vocabulary.get(token.substring(0, i));
        Integer right = vocabulary.get(token.substring(i));
        if (left != null && right != null && isPiece(left) && isPiece(right)) {
          merges.add(new Merge(left, right, rank, id));
        }
      }
      rank++;
    }
    var table = new MergeTable(Math.max(merges.size(), rank));
    merges.forEach(m -> table.put(m.left(), m.right(), m.rank(), m.result()));
    return table;
  }

  private boolean isPiece(int id) {
    return types[id] != CONTROL && types[id] != UNKNOWN && types[id] != BYTE;
  }

  // -- both

  /** Tokens that are cut out of a text, whatever is around them. */
  private List<Token> added() throws ModelFormatException {
    var added = new ArrayList<Token>();
    for (int id = 0; id < types.length; id++) {
      boolean special = types[id] == CONTROL || types[id] == UNKNOWN;
      String content = tokens.get(id);
      if ((special || types[id] == USER_DEFINED) && !content.isEmpty()) {
        if (content.length() > LONGEST_TOKEN) {
          throw metadata.wrong(
              PREFIX + "tokens", "holds a token of %d characters".formatted(content.length()));
        }
        added.add(new Token(id, content, false, false, false, false, special));
      }
    }
    return added;
  }

  private Frame frame(boolean begin, OptionalInt beginToken) throws ModelFormatException {
    boolean before = metadata.flag(PREFIX + "add_bos_token").orElse(begin);
    boolean after = metadata.flag(PREFIX + "add_eos_token").orElse(false);
    return new Frame(
        before ? new int[] {id("bos_token_id", beginToken)} : new int[0],
        after ? new int[] {id("eos_token_id", OptionalInt.empty())} : new int[0]);
  }

  private int id(String name, OptionalInt otherwise) throws ModelFormatException {
    var given = metadata.natural(PREFIX + name);
    if (given.isEmpty() && otherwise.isEmpty()) {
      throw metadata.missing(PREFIX + name);
    }
    int id = given.orElseGet(otherwise::getAsInt);
    if (id >= tokens.size()) {
      throw metadata.wrong(PREFIX + name, "is none of the %d tokens".formatted(tokens.size()));
    }
    return id;
  }

  private List<String> texts(String name) throws ModelFormatException {
    String key = PREFIX + name;
    if (metadata.length(key).orElse(0) > MOST_TOKENS) {
      throw metadata.wrong(key, "has more than the %d elements read here".formatted(MOST_TOKENS));
    }
    return metadata.texts(key).orElseThrow(() -> metadata.missing(key));
  }
}
