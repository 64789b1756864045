package dev.stowage.runtime.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stowage.plan.model.ModelFormatException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerTest {
  private static final Path MODELS = Path.of("../../examples/models");

  @TempDir Path folder;

  @ParameterizedTest
  @MethodSource("dev.stowage.runtime.tokenizer.Variants#names")
  void agreesWithHuggingFace(String name) throws Exception {
    var tokenizer = tokenizer(Variants.file(name));
    for (var example : Variants.variant(name).get("cases")) {
      String text = example.get(0).textValue();
      int[] ids = ids(example.get(1));

      assertArrayEquals(ids, tokenizer.encode(text), () -> name + ": " + example);
      assertEquals(example.get(2).textValue(), tokenizer.decode(ids), () -> name + ": " + example);
    }
  }

  @Test
  void encodesWithTheShippedModels() throws Exception {
    for (var model : new String[] {"tiny-opt", "tiny-llama"}) {
      var tokenizer = Tokenizer.read(MODELS.resolve(model));
      String text = "In the beginning God created the heaven and the earth.";
      int[] ids = {
        2, 77, 114, 262, 808, 268, 114, 294, 390, 283, 557, 286, 262, 736, 271, 262, 620, 50
      };

      assertArrayEquals(ids, tokenizer.encode(text));
      assertArrayEquals(Arrays.copyOfRange(ids, 1, ids.length), tokenizer.encodeBare(text));
      assertEquals(text, tokenizer.decode(ids));
      assertEquals(OptionalInt.of(2), tokenizer.id("</s>"));
      assertEquals("Ġthe", tokenizer.token(262).orElseThrow());
      assertTrue(tokenizer.isSpecial(2) && !tokenizer.isSpecial(262));
      assertEquals(1024, tokenizer.vocabularySize());
    }
  }

  @Test
  void restoresALongTextFromItsIds() throws Exception {
    var tokenizer = Tokenizer.read(MODELS.resolve("tiny-opt"));
    int[] ids = ids(Variants.JSON.readTree(MODELS.resolve("tiny-opt/val.ids.json").toFile()));

    assertArrayEquals(ids, tokenizer.encodeBare(tokenizer.decode(ids)));
  }

  @ParameterizedTest
  @MethodSource("dev.stowage.runtime.tokenizer.Variants#names")
  void streamsWhatItDecodes(String name) throws Exception {
    long seed = 77;
    var random = new Random(seed);
    var tokenizer = tokenizer(Variants.file(name));
    for (int round = 0; round < 200; round++) {
      int[] ids = random.ints(random.nextInt(30), 0, tokenizer.vocabularySize() + 3).toArray();
      var stream = tokenizer.stream();
      var text = new StringBuilder();
      for (int id : ids) {
        String part = stream.add(id);
        assertTrue(
            part.isEmpty() || !Character.isHighSurrogate(part.charAt(part.length() - 1)),
            () -> "half a character, seed " + seed);
        text.append(part);
      }
      text.append(stream.finish());

      assertEquals(
          tokenizer.decode(ids), text.toString(), "seed %d, round %d".formatted(seed, round));
    }
  }

  @Test
  void streamsACharacterOnceItsBytesAreThere() throws Exception {
    var tokenizer = tokenizer(Variants.file("llama2"));
    var stream = tokenizer.stream();

    assertEquals("", stream.add(tokenizer.id("<0xF0>").orElseThrow()));
    assertEquals("", stream.add(tokenizer.id("<0x9F>").orElseThrow()));
    assertEquals("", stream.add(tokenizer.id("<0x98>").orElseThrow()));
    assertEquals("😀", stream.add(tokenizer.id("<0x80>").orElseThrow()));
    assertEquals("", stream.add(tokenizer.id("<0xF0>").orElseThrow()));
    assertEquals("\ufffd", stream.finish());
  }

  @Test
  void readsTheOlderPairOfFiles() throws Exception {
    var model = Variants.resource("models.json").get("bytes");
    Files.writeString(folder.resolve("vocab.json"), model.get("vocab").toString());
    var merges = new StringBuilder("#version: 0.2\n");
    for (var merge : model.get("merges")) {
      merges
          .append(merge.get(0).textValue())
          .append(' ')
          .append(merge.get(1).textValue())
          .append('\n');
    }
    Files.writeString(folder.resolve("merges.txt"), merges);

    var tokenizer = Tokenizer.read(folder);

    for (var example : Variants.variant("gpt2").get("cases")) {
      assertArrayEquals(
          ids(example.get(1)), tokenizer.encode(example.get(0).textValue()), example::toString);
    }

    Files.writeString(folder.resolve("tokenizer_config.json"), "{\"add_bos_token\": false}");
    assertArrayEquals(new int[0], Tokenizer.read(folder).encode(""));
    Files.writeString(
        folder.resolve("tokenizer_config.json"),
        "{\"add_bos_token\": true, \"bos_token\": {\"content\": \"<s>\"}}");
    assertArrayEquals(new int[] {0}, Tokenizer.read(folder).encode(""));

    Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\nx y z\n");
    var e = assertThrows(ModelFormatException.class, () -> Tokenizer.read(folder));
    assertTrue(e.getMessage().contains("line 2, 'x y z'"), e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt2", "llama3", "llama2", "metaspace-never", "possessive"})
  void takesAMegabyteOfOneCharacterInItsStride(String name) throws Exception {
    var tokenizer = tokenizer(Variants.file(name));
    for (var character : new String[] {"a", " ", "\n", "7", "é", "!"}) {
      String text = character.repeat(1_000_000);
      int[] ids =
          assertTimeoutPreemptively(
              Duration.ofSeconds(30), () -> tokenizer.encode(text), name + " '" + character + "'");
      assertTrue(text.equals(tokenizer.decode(ids)), name + " '" + character + "'");
    }
  }

  @Test
  void stopsAPatternThatRunsAway() throws Exception {
    var file = Variants.file("llama3");
    ((ObjectNode) file.at("/pre_tokenizer/pretokenizers/0/pattern")).put("Regex", "(a+)+b");
    var tokenizer = tokenizer(file);
    assertTimeoutPreemptively(
        Duration.ofSeconds(30),
        () ->
            assertThrows(IllegalArgumentException.class, () -> tokenizer.encode("a".repeat(5000))));

    ((ObjectNode) file.at("/pre_tokenizer/pretokenizers/0/pattern")).put("Regex", "(a|b)*");
    var recursive = tokenizer(file);
    assertThrows(IllegalArgumentException.class, () -> recursive.encode("ab".repeat(1_000_000)));
  }

  @Test
  void saysWhichCharacterHasNoToken() throws Exception {
    var file = Variants.file("unknown");
    ((ObjectNode) file.get("model")).remove("unk_token");
    var tokenizer = tokenizer(file);

    var e = assertThrows(IllegalArgumentException.class, () -> tokenizer.encode("日"));
    assertTrue(e.getMessage().contains("U+65E5"), e.getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "/normalizer | {\"type\": \"Precompiled\"} | normalizer: the normalizer Precompiled is not supported",
        "/normalizer | {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Nmt\"}]} | normalizer.normalizers[0]: the normalizer Nmt",
        "/normalizer | {} | normalizer.type must be a text",
        "/normalizer | 7 | normalizer must be an object",
        "/pre_tokenizer | {\"type\": \"BertPreTokenizer\"} | the pre-tokenizer BertPreTokenizer",
        "/pre_tokenizer | {\"type\": \"Split\", \"pattern\": {\"Regex\": \"(\"}, \"behavior\": \"Isolated\"} | pre_tokenizer.pattern.Regex is not supported",
        "/pre_tokenizer | {\"type\": \"Split\", \"pattern\": {\"Regex\": \"a{1,2}+\"}, \"behavior\": \"Isolated\"} | pre_tokenizer.pattern.Regex is not supported",
        "/pre_tokenizer | {\"type\": \"Split\", \"pattern\": {\"String\": \"\"}, \"behavior\": \"Isolated\"} | empty pattern",
        "/pre_tokenizer | {\"type\": \"Split\", \"pattern\": {\"String\": \"a\"}, \"behavior\": \"Odd\"} | the behavior Odd",
        "/post_processor | {\"type\": \"Odd\"} | the post-processor Odd",
        "/post_processor | {\"type\": \"TemplateProcessing\", \"single\": []} | must hold sequence A once",
        "/decoder | {\"type\": \"WordPiece\"} | the decoder WordPiece",
        "/decoder | {\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Fuse\"}, {\"type\": \"ByteFallback\"}]} | behind one that joins all tokens",
        "/model/type | \"Unigram\" | a model of type Unigram is not supported",
        "/model/dropout | 0.1 | dropout is not supported",
        "/model/end_of_word_suffix | \"</w>\" | end_of_word_suffix is not supported",
        "/model/unk_token | \"nope\" | model.unk_token is not in the vocabulary",
        "/model/merges | [\"a b c\"] | model.merges[0] is no pair",
        "/model/merges | [[\"T\", \"Z\"]] | which the vocabulary cannot express",
        "/model/vocab | {\"a\": 0, \"b\": 0} | share the id 0",
        "/model/vocab | {\"a\": -1} | model.vocab.a must be a natural number",
        "/added_tokens | [{\"id\": 5, \"content\": \"<x>\"}] | does not agree with the vocabulary",
      })
  void namesTheComponentItCannotUse(String path, String value, String complaint) throws Exception {
    var file = Variants.file("gpt2");
    int cut = path.lastIndexOf('/');
    ((ObjectNode) file.at(path.substring(0, cut)))
        .set(path.substring(cut + 1), Variants.JSON.readTree(value));

    var e = assertThrows(ModelFormatException.class, () -> tokenizer(file));

    assertTrue(e.getMessage().contains(complaint), e.getMessage());
    assertEquals(1, e.getMessage().lines().count());
  }

  @Test
  void saysThatThereIsNoTokenizer() {
    var e = assertThrows(ModelFormatException.class, () -> Tokenizer.read(folder));
    assertTrue(e.getMessage().contains("no tokenizer here"), e.getMessage());
  }

  @Test
  void survivesMutatedFiles() throws Exception {
    long seed = 4;
    var random = new Random(seed);
    var fragments =
        new String[] {
          "-1",
          "1e99",
          "null",
          "[]",
          "{}",
          "\"\"",
          "\"type\"",
          "[[[[",
          "}",
          "\\u0000",
          "(",
          "9999999999"
        };
    var names = Variants.names().toList();
    for (int round = 0; round < 400; round++) {
      String where = "seed %d, round %d".formatted(seed, round);
      var text =
          new StringBuilder(Variants.file(names.get(random.nextInt(names.size()))).toString());
      // Most keys outside the vocabulary lie at both ends.
      int at =
          random.nextBoolean()
              ? random.nextInt(Math.min(1500, text.length()))
              : random.nextInt(text.length());
      switch (random.nextInt(3)) {
        case 0 -> text.setCharAt(at, (char) random.nextInt(0x250));
        case 1 ->
            text.replace(
                at,
                Math.min(text.length(), at + random.nextInt(9)),
                fragments[random.nextInt(fragments.length)]);
        default -> text.setLength(at);
      }
      Files.writeString(folder.resolve("tokenizer.json"), text);
      assertTimeoutPreemptively(
          Duration.ofSeconds(20),
          () -> {
            try {
              var tokenizer = Tokenizer.read(folder);
              int[] ids = tokenizer.encode("The <s> quick 123 日 don't\n");
              tokenizer.decode(ids);
            } catch (ModelFormatException e) {
              assertEquals(1, e.getMessage().lines().count(), where);
            } catch (IllegalArgumentException e) {
              assertTrue(e.getMessage().contains("the tokenizer"), where + ": " + e);
            }
          },
          where);
    }
  }

  private Tokenizer tokenizer(JsonNode file) throws Exception {
    Files.writeString(folder.resolve("tokenizer.json"), file.toString());
    return Tokenizer.read(folder);
  }

  private static int[] ids(JsonNode list) {
    int[] ids = new int[list.size()];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = list.get(i).intValue();
    }
    return ids;
  }
}
