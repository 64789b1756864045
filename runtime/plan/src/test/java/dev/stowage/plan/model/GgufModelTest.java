package dev.stowage.plan.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.Family;
import dev.stowage.plan.ModelSource;
import dev.stowage.plan.Range;
import dev.stowage.plan.RopePairs;
import dev.stowage.plan.RopeScaling;
import dev.stowage.plan.StoredTypes;
import dev.stowage.plan.Weight;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a GGUF file's header says, and what is refused. */
class GgufModelTest {
  private static final int F32 = 0;
  private static final int Q4_0 = 2;
  private static final int Q8_0 = 8;

  @TempDir Path folder;

  @Test
  void readsShapeTypesAndPlaces() throws Exception {
    var model = open(file("llama", Map.of()));
    var shape = model.shape();
    assertEquals(Family.LLAMA, shape.family());
    assertEquals(
        List.of(2, 32, 64, 2, 1, 16, 5, 48),
        List.of(
            shape.layers(),
            shape.hidden(),
            shape.ffn(),
            shape.heads(),
            shape.kvHeads(),
            shape.headDim(),
            shape.vocabulary(),
            shape.maxPositions()));
    assertEquals(1e-5, shape.normEpsilon());
    assertEquals(500_000, shape.ropeTheta());
    assertEquals(RopePairs.INTERLEAVED, shape.ropePairs());
    assertEquals(
        new StoredTypes(
            ElementType.Q8_0,
            List.of(
                new StoredTypes.Other(Weight.TOKENS, Range.upTo(1), ElementType.F32),
                new StoredTypes.Other(Weight.V, new Range(1, 2), ElementType.Q4_0))),
        shape.stored());
    assertEquals(ElementType.Q4_0, shape.type(Weight.V, 1));
    assertEquals(ElementType.Q8_0, shape.type(Weight.V, 0));
    assertTrue(shape.tiedHead());
    assertEquals(List.of(2), model.endTokens());
    assertEquals(OptionalInt.of(1), model.beginToken());
    assertEquals("{{ messages }}", model.chatTemplate().orElseThrow());
    var v = model.tensor(Weight.V, 1);
    assertEquals(List.of(16L, 32L), v.shape());
    assertEquals(16 * 18, v.bytes());
    assertEquals(0, v.offset() % 32);
    assertEquals(new ModelSource.Gguf("m.gguf", model.fingerprint()), model.source("m.gguf"));
  }

  @Test
  void readsVersionTwoAndOtherAlignments() throws Exception {
    var writer = keys("qwen2").alignment(64);
    for (var bias : List.of("q", "k", "v")) {
      long width = bias.equals("q") ? 32 : 16;
      for (int layer = 0; layer < 2; layer++) {
        writer.tensor(
            "blk.%d.attn_%s.bias".formatted(layer, bias), F32, new byte[4 * (int) width], width);
      }
    }
    var model = open(tensors(writer).file(2));
    assertEquals(Family.QWEN2, model.shape().family());
    assertEquals(RopePairs.HALVES, model.shape().ropePairs());
    assertTrue(model.shape().qkvBias());
    assertEquals(0, model.tensor(Weight.DOWN, 1).offset() % 64);
  }

  @Test
  void readsTheVectorOfRotaryFactors() throws Exception {
    var model =
        open(tensors(keys("llama")).tensor("rope_freqs.weight", F32, new byte[32], 8).file());
    assertEquals(new RopeScaling.Factors(), model.shape().ropeScaling());
    assertEquals(8, ModelVector.ROPE_FACTORS.length(model.shape()));
    assertEquals(32, model.tensor(ModelVector.ROPE_FACTORS, 0).bytes());
  }

  @Test
  void readsHeadersWhereverTheirPiecesEnd() throws Exception {
    var shape = open(tensors(keys("llama")).file()).shape();
    // a header is read 64 KiB at a time: in turn, every number after the text lies across the end
    for (int length = 63_000; length < 65_600; length += 4) {
      var text = "x".repeat(length);
      var model = open(tensors(keys("llama").key("general.description", text)).file());
      assertEquals(shape, model.shape(), "a text of " + length + " bytes");
    }
  }

  @Test
  void theFingerprintFollowsTheHeaderAlone() throws Exception {
    byte[] file = file("llama", Map.of());
    String before = open(file).fingerprint();
    file[file.length - 1] ^= 1;
    assertEquals(before, open(file).fingerprint());
    assertNotEquals(
        before, open(file("llama", Map.of("llama.rope.freq_base", 10_000f))).fingerprint());
  }

  @Test
  void refusesWhatIsNotComputed() throws Exception {
    refuses("general.architecture is none of llama, qwen2, qwen3 (mamba)", file("mamba", Map.of()));
    refuses(
        "llama.expert_count asks for what is not computed here (8)",
        file("llama", Map.of("llama.expert_count", 8)));
    refuses(
        "llama.rope.scaling.type is not supported; rotary scaling may be none or linear (yarn)",
        file("llama", Map.of("llama.rope.scaling.type", "yarn")));
    refuses(
        "llama.rope.dimension_count rotates part of a head of 16: not supported (8)",
        file("llama", Map.of("llama.rope.dimension_count", 8)));
    refuses(
        "split.count says that the model lies in several files: merge them into one first (3)",
        file("llama", Map.of("split.count", 3)));
    refuses("llama.attention.head_count is missing", tensors(keys("llama", "head_count")).file());
    refuses(
        "general.quantization_version is not 2 (1)",
        file("llama", Map.of("general.quantization_version", 1)));
    refuses(
        "tensor blk.0.extra has no place in a model of the architecture llama as the file's keys describe it",
        tensors(keys("llama")).tensor("blk.0.extra", F32, new byte[4], 1).file());
    refuses(
        "tensor blk.1.ffn_gate.weight is missing",
        tensors(keys("llama"), "blk.1.ffn_gate.weight").file());
    refuses(
        "tensor output.weight is stored as Q5_0; matrices are read as F32, F16, BF16, Q8_0, Q4_0, Q4_K or Q6_K",
        tensors(keys("llama")).tensor("output.weight", 6, new byte[5 * 22], 32, 5).file());
    refuses(
        "tensor output.weight is stored as type 77; matrices are read as F32, F16, BF16, Q8_0, Q4_0, Q4_K or Q6_K",
        tensors(keys("llama")).tensor("output.weight", 77, new byte[5 * 22], 32, 5).file());
    refuses(
        "tensor output.weight is [5, 64]; the file's keys ask for [5, 32]",
        tensors(keys("llama")).tensor("output.weight", F32, new byte[4 * 5 * 64], 64, 5).file());
  }

  @Test
  void refusesBrokenFiles() throws Exception {
    refuses("does not begin with GGUF: no GGUF file", "GGML and more".getBytes("UTF-8"));
    refuses("is GGUF version 1; 2 and 3 are read", keys("llama").file(1));
    refuses(
        "is a big-endian GGUF file; little-endian ones are read",
        keys("llama").file(Integer.reverseBytes(3)));
    refuses(
        "key a has a list of 1152921504606846976 elements, more than the file can hold",
        new GgufWriter().raw("a", 9, GgufWriter.bytes(12).putInt(4).putLong(1L << 60)).file());
    refuses(
        "key a is of an unknown kind 13",
        new GgufWriter().raw("a", 13, GgufWriter.bytes(4)).file());
    refuses(
        "key a is neither true nor false",
        new GgufWriter().raw("a", 7, GgufWriter.bytes(1).put((byte) 2)).file());
    refuses("key a is there twice", new GgufWriter().key("a", 1).key("a", 2).file());
    refuses(
        "general.alignment is no power of two up to 2^20 (24)",
        new GgufWriter().alignment(24).file());
    refuses(
        "tensor t is there twice",
        new GgufWriter().tensor("t", F32, new byte[4], 1).tensor("t", F32, new byte[4], 1).file());
    refuses(
        "tensor t has impossible dimensions [4611686018427387904, 4]",
        new GgufWriter().tensor("t", F32, new byte[4], 1L << 62, 4).file());
    refuses(
        "tensor t has rows of 33 numbers, no whole blocks of Q8_0, which have 32",
        new GgufWriter().tensor("t", Q8_0, new byte[34], 33).file());
    refuses(
        "tensor t, of 400 bytes, lies at 0 of 32 bytes of data (truncated file?)",
        new GgufWriter().tensor("t", F32, new byte[4], 100).file());
    refuses(
        "tensor u overlaps tensor t",
        new GgufWriter()
            .tensor("t", F32, new byte[4], 16)
            .tensor("u", F32, new byte[64], 16)
            .file());
    var deep = GgufWriter.bytes(12 * 6);
    for (int i = 0; i < 6; i++) {
      deep.putInt(9).putLong(1);
    }
    refuses("key a nests lists too deeply", new GgufWriter().raw("a", 9, deep).file());
  }

  @Test
  void everyTruncationOfAFileIsAnError() throws Exception {
    byte[] file = file("llama", Map.of());
    var path = folder.resolve("m.gguf");
    for (int length = 0; length < file.length; length++) {
      Files.write(path, Arrays.copyOf(file, length));
      int at = length;
      var e =
          assertThrows(ModelFormatException.class, () -> GgufModel.open(path), () -> "at " + at);
      assertEquals(1, e.getMessage().lines().count(), "at " + at);
      length += length > 4000 ? 97 : 0; // the data's end by bigger steps
    }
  }

  @Test
  void flippedBytesEndInAModelOrAnError() throws Exception {
    long seed = 20_261_121;
    var random = new Random(seed);
    byte[] file = file("llama", Map.of());
    var path = folder.resolve("m.gguf");
    assertTimeoutPreemptively(
        Duration.ofSeconds(60),
        () -> {
          for (int round = 0; round < 3000; round++) {
            byte[] bytes = file.clone();
            for (int i = 0; i <= random.nextInt(3); i++) {
              bytes[random.nextInt(3200)] = (byte) random.nextInt(256);
            }
            Files.write(path, bytes);
            String where = "seed %d, round %d".formatted(seed, round);
            try {
              GgufModel.open(path);
            } catch (ModelFormatException e) {
              assertEquals(1, e.getMessage().lines().count(), where + ": " + e.getMessage());
            } catch (RuntimeException | Error e) {
              fail(where, e);
            }
          }
        });
  }

  // -- a model of zeros: 2 layers, hidden 32, 2 heads of 16, 1 KV head, FFN 64, vocabulary 5

  private static GgufWriter keys(String architecture, String... without) {
    var writer = new GgufWriter().key("general.architecture", architecture);
    var numbers =
        List.of(
            "context_length 48",
            "embedding_length 32",
            "block_count 2",
            "feed_forward_length 64",
            "attention.head_count 2",
            "attention.head_count_kv 1");
    for (var number : numbers) {
      var words = number.split(" ");
      if (Arrays.stream(without).noneMatch(words[0]::endsWith)) {
        writer.key(architecture + "." + words[0], Integer.parseInt(words[1]));
      }
    }
    return writer
        .key(architecture + ".attention.layer_norm_rms_epsilon", 1e-5f)
        .key("tokenizer.ggml.bos_token_id", 1)
        .key("tokenizer.ggml.eos_token_id", 2)
        .key("tokenizer.chat_template", "{{ messages }}");
  }

  private static GgufWriter tensors(GgufWriter writer, String... without) {
    add(writer, "token_embd.weight", F32, 32, 5, without);
    add(writer, "output_norm.weight", F32, 32, 1, without);
    for (int layer = 0; layer < 2; layer++) {
      String prefix = "blk." + layer + ".";
      add(writer, prefix + "attn_norm.weight", F32, 32, 1, without);
      add(writer, prefix + "ffn_norm.weight", F32, 32, 1, without);
      add(writer, prefix + "attn_q.weight", Q8_0, 32, 32, without);
      add(writer, prefix + "attn_k.weight", Q8_0, 32, 16, without);
      add(writer, prefix + "attn_v.weight", layer == 1 ? Q4_0 : Q8_0, 32, 16, without);
      add(writer, prefix + "attn_output.weight", Q8_0, 32, 32, without);
      add(writer, prefix + "ffn_gate.weight", Q8_0, 32, 64, without);
      add(writer, prefix + "ffn_up.weight", Q8_0, 32, 64, without);
      add(writer, prefix + "ffn_down.weight", Q8_0, 64, 32, without);
    }
    return writer;
  }

  private static void add(
      GgufWriter writer, String name, int type, long columns, long rows, String... without) {
    if (Arrays.asList(without).contains(name)) {
      return;
    }
    long bytes =
        switch (type) {
          case F32 -> 4 * columns;
          case Q4_0 -> columns / 32 * 18;
          default -> columns / 32 * 34;
        };
    var data = new byte[(int) (bytes * rows)];
    if (rows == 1) {
      writer.tensor(name, type, data, columns);
    } else {
      writer.tensor(name, type, data, columns, rows);
    }
  }

  private static byte[] file(String architecture, Map<String, Object> more) {
    var writer = keys(architecture);
    if (!more.containsKey(architecture + ".rope.freq_base")) {
      writer.key(architecture + ".rope.freq_base", 500_000f);
    }
    more.forEach(
        (name, value) -> {
          switch (value) {
            case Integer i -> writer.key(name, i.intValue());
            case Float f -> writer.key(name, f.floatValue());
            default -> writer.key(name, value.toString());
          }
        });
    return tensors(writer).file();
  }

  private GgufModel open(byte[] file) throws Exception {
    return GgufModel.open(Files.write(folder.resolve("m.gguf"), file));
  }

  private void refuses(String message, byte[] file) throws Exception {
    var path = Files.write(folder.resolve("m.gguf"), file);
    var e = assertThrows(ModelFormatException.class, () -> GgufModel.open(path));
    assertEquals(path + ": " + message, e.getMessage());
  }
}
