package dev.stowage.runtime.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import dev.stowage.plan.model.JsonFile;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.tokenizer.AddedTokens.Token;
import dev.stowage.runtime.tokenizer.Tokenizer.Frame;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/** Reads a tokenizer's files. */
final class TokenizerFile {
  private static final long LONGEST = 64L << 20;
  private static final int LONGEST_TOKEN = 1 << 16;

  private TokenizerFile() {}

  static Tokenizer read(Path path) throws ModelFormatException {
    if (!Files.isDirectory(path)) {
      return json(path);
    }
    if (Files.exists(path.resolve("tokenizer.json"))) {
      return json(path.resolve("tokenizer.json"));
    }
    if (Files.exists(path.resolve("vocab.json")) && Files.exists(path.resolve("merges.txt"))) {
      return pair(path);
    }
    throw new ModelFormatException(
        "%s: no tokenizer here: neither tokenizer.json, nor vocab.json and merges.txt (prompts can still be given as ids)"
            .formatted(path));
  }

  private static Tokenizer json(Path file) throws ModelFormatException {
    var root = new Component(file, "", JsonFile.read(file, LONGEST));
    var model = root.child("model");
    var vocabulary = vocabulary(model.child("vocab"));
    var added = new ArrayList<Token>();
    for (var component : root.children("added_tokens")) {
      added.add(Token.read(component));
    }
    checkIds(file, vocabulary, added);
    var normalizer = root.optionalChild("normalizer");
    var preTokenizer = root.optionalChild("pre_tokenizer");
    var postProcessor = root.optionalChild("post_processor");
    var decoder = root.optionalChild("decoder");
    return new Tokenizer(
        added,
        normalizer.isPresent() ? Normalizer.read(normalizer.get()) : new Normalizer.None(),
        preTokenizer.isPresent() ? PreTokenizer.read(preTokenizer.get()) : new PreTokenizer.None(),
        model(model, vocabulary),
        postProcessor.isPresent()
            ? frame(postProcessor.get(), vocabulary, added)
            : new Frame(new int[0], new int[0]),
        decoder.isPresent() ? Decoder.read(decoder.get()) : Decoder.spaces());
  }

  private static Map<String, Integer> vocabulary(Component component) throws ModelFormatException {
    var vocabulary = new HashMap<String, Integer>();
    for (var entry : component.node().properties()) {
      vocabulary.put(entry.getKey(), component.natural(entry.getValue(), entry.getKey()));
    }
    return vocabulary;
  }

  private static void checkIds(Path file, Map<String, Integer> vocabulary, List<Token> added)
      throws ModelFormatException {
    var tokens = new HashMap<Integer, String>();
    for (var entry : vocabulary.entrySet()) {
      String other = tokens.put(entry.getValue(), entry.getKey());
      if (other != null) {
        throw new ModelFormatException(
            "%s: tokens '%s' and '%s' share the id %d"
                .formatted(file, other, entry.getKey(), entry.getValue()));
      }
    }
    for (var token : added) {
      String other = tokens.putIfAbsent(token.id(), token.content());
      Integer id = vocabulary.get(token.content());
      if (other != null && !other.equals(token.content()) || id != null && id != token.id()) {
        throw new ModelFormatException(
            "%s: added token '%s' does not agree with the vocabulary on the id %d"
                .formatted(file, token.content(), token.id()));
      }
    }
  }

  private static BytePairModel model(Component component, Map<String, Integer> vocabulary)
      throws ModelFormatException {
    String type = component.text("type", "BPE");
    if (!type.equals("BPE")) {
      throw component.unsupported("a model of type " + type);
    }
    if (component.has("dropout") && component.node().get("dropout").asDouble(1) != 0) {
      throw component.unsupported("dropout");
    }
    for (var key : List.of("continuing_subword_prefix", "end_of_word_suffix")) {
      if (!component.text(key, "").isEmpty()) {
        throw component.unsupported(key);
      }
    }
    var unknown = OptionalInt.empty();
    if (component.has("unk_token")) {
      Integer id = vocabulary.get(component.text("unk_token"));
      if (id == null) {
        throw component.wrong("unk_token", "is not in the vocabulary");
      }
      unknown = OptionalInt.of(id);
    }
    return new BytePairModel(
        vocabulary,
        merges(component, vocabulary),
        unknown,
        component.flag("fuse_unk", false),
        component.flag("byte_fallback", false),
        component.flag("ignore_merges", false));
  }

  /** Merges as {@code "a b"}, or, since tokens may hold spaces, as {@code ["a", "b"]}. */
  private static MergeTable merges(Component component, Map<String, Integer> vocabulary)
      throws ModelFormatException {
    JsonNode list = component.node().path("merges");
    if (!list.isArray()) {
      throw component.wrong("merges", "must be a list");
    }
    var table = new MergeTable(list.size());
    int rank = 0;
    for (var merge : list) {
      String[] pair = pair(merge);
      if (pair.length != 2) {
        throw component.wrong("merges[" + rank + "]", "is no pair of tokens");
      }
      if (!put(table, vocabulary, pair, rank)) {
        throw component.wrong(
            "merges[" + rank + "]",
            "merges '%s' and '%s', which the vocabulary cannot express"
                .formatted(pair[0], pair[1]));
      }
      rank++;
    }
    return table;
  }

  private static String[] pair(JsonNode merge) {
    if (merge.isTextual()) {
      return merge.textValue().split(" ", -1);
    }
    boolean two = merge.isArray() && merge.size() == 2;
    return two && merge.get(0).isTextual() && merge.get(1).isTextual()
        ? new String[] {merge.get(0).textValue(), merge.get(1).textValue()}
        : new String[0];
  }

  private static boolean put(
      MergeTable table, Map<String, Integer> vocabulary, String[] pair, int rank) {
    if (pair[0].length() + pair[1].length() > LONGEST_TOKEN) {
      return false;
    }
    Integer left = vocabulary.get(pair[0]);
    Integer right = vocabulary.get(pair[1]);
    Integer result = vocabulary.get(pair[0] + pair[1]);
    if (left == null || right == null || result == null) {
      return false;
    }
    table.put(left, right, rank, result);
    return true;
  }

  private static Frame frame(
      Component component, Map<String, Integer> vocabulary, List<Token> added)
      throws ModelFormatException {
    String type = component.type();
    return switch (type) {
      case "ByteLevel" -> new Frame(new int[0], new int[0]);
      case "TemplateProcessing" -> template(component);
      case "RobertaProcessing", "BertProcessing" ->
          new Frame(namedId(component, "cls"), namedId(component, "sep"));
      case "Sequence" -> {
        var frame = new Frame(new int[0], new int[0]);
        for (var step : component.children("processors")) {
          var outer = frame(step, vocabulary, added);
          frame =
              new Frame(
                  joined(outer.before(), frame.before()), joined(frame.after(), outer.after()));
        }
        yield frame;
      }
      default -> throw component.unsupported("the post-processor " + type);
    };
  }

  private static int[] joined(int[] a, int[] b) {
    return IntStream.concat(IntStream.of(a), IntStream.of(b)).toArray();
  }

  /** Reads {@code ["</s>", 2]}. */
  private static int[] namedId(Component component, String key) throws ModelFormatException {
    JsonNode pair = component.node().path(key);
    if (!pair.isArray() || pair.size() != 2) {
      throw component.wrong(key, "must be a token and its id");
    }
    return new int[] {component.natural(pair.get(1), key)};
  }

  private static Frame template(Component component) throws ModelFormatException {
    var before = new Ids();
    var after = new Ids();
    boolean seen = false;
    for (var piece : component.children("single")) {
      if (piece.has("Sequence")) {
        if (seen || !piece.child("Sequence").text("id").equals("A")) {
          throw component.wrong("single", "must hold sequence A once");
        }
        seen = true;
      } else {
        String name = piece.child("SpecialToken").text("id");
        var ids = component.child("special_tokens").child(name).node().path("ids");
        if (!ids.isArray() || ids.isEmpty()) {
          throw component.wrong("special_tokens." + name, "has no ids");
        }
        for (var id : ids) {
          (seen ? after : before).add(component.natural(id, "special_tokens." + name));
        }
      }
    }
    if (!seen) {
      throw component.wrong("single", "must hold sequence A once");
    }
    return new Frame(before.toArray(), after.toArray());
  }

  /** GPT-2's and OPT's older files: byte-level, cut into words by GPT-2's pattern. */
  private static Tokenizer pair(Path folder) throws ModelFormatException {
    var vocabFile = folder.resolve("vocab.json");
    var vocabulary = vocabulary(new Component(vocabFile, "", JsonFile.read(vocabFile, LONGEST)));
    var special = new ArrayList<Token>();
    for (var name : List.of("<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>")) {
      if (vocabulary.containsKey(name)) {
        special.add(Token.special(vocabulary.get(name), name));
      }
    }
    checkIds(vocabFile, vocabulary, special);
    var model =
        new BytePairModel(
            vocabulary,
            mergesFile(folder.resolve("merges.txt"), vocabulary),
            OptionalInt.empty(),
            false,
            false,
            false);
    return new Tokenizer(
        special,
        new Normalizer.None(),
        new PreTokenizer.Bytes(false, true),
        model,
        new Frame(begin(folder, vocabulary), new int[0]),
        Decoder.byteLevel());
  }

  private static MergeTable mergesFile(Path file, Map<String, Integer> vocabulary)
      throws ModelFormatException {
    try {
      if (Files.size(file) > LONGEST) {
        throw new ModelFormatException(
            "%s: longer than the %d bytes accepted here".formatted(file, LONGEST));
      }
      var lines = Files.readAllLines(file);
      var table = new MergeTable(lines.size());
      int rank = 0;
      for (int i = 0; i < lines.size(); i++) {
        String line = lines.get(i);
        if (i == 0 && line.startsWith("#version") || line.isEmpty()) {
          continue;
        }
        String[] pair = line.split(" ", -1);
        if (pair.length != 2 || !put(table, vocabulary, pair, rank++)) {
          throw new ModelFormatException(
              "%s: line %d, '%s', is no pair that the vocabulary can express"
                  .formatted(file, i + 1, line));
        }
      }
      return table;
    } catch (MalformedInputException e) {
      throw new ModelFormatException("%s: is not UTF-8 text".formatted(file), e);
    } catch (IOException e) {
      throw new ModelFormatException("%s: cannot be read: %s".formatted(file, e), e);
    }
  }

  /**
   * What is put in front of a text: as {@code tokenizer_config.json} says; without one, {@code
   * </s>} where the vocabulary begins as OPT's does.
   */
  private static int[] begin(Path folder, Map<String, Integer> vocabulary)
      throws ModelFormatException {
    var file = folder.resolve("tokenizer_config.json");
    String token = null;
    if (Files.exists(file)) {
      var config = new Component(file, "", JsonFile.read(file, LONGEST));
      if (config.flag("add_bos_token", false)) {
        token =
            config.node().path("bos_token").isObject()
                ? config.child("bos_token").text("content")
                : config.text("bos_token");
      }
    } else if (IntStream.range(0, 4)
        .allMatch(
            i -> {
              Integer id = vocabulary.get(List.of("<s>", "<pad>", "</s>", "<unk>").get(i));
              return id != null && id == i;
            })) {
      token = "</s>";
    }
    if (token == null) {
      return new int[0];
    }
    Integer id = vocabulary.get(token);
    if (id == null) {
      throw new ModelFormatException(
          "%s: bos_token '%s' is not in the vocabulary".formatted(file, token));
    }
    return new int[] {id};
  }
}
