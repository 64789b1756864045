package dev.stowage.plan.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.ElementType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TensorIndexTest {
  @TempDir Path folder;

  @Test
  void findsTensorsWithTheirAbsolutePlace() throws Exception {
    String header =
        """
        {"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [4, 28]},
         "b": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}""";
    Files.write(folder.resolve("model.safetensors"), TestModel.safetensors(header, 28));

    var index = TensorIndex.open(folder);

    var a = index.find("a").orElseThrow();
    assertEquals(List.of(2L, 3L), a.shape());
    assertEquals(8 + header.length() + 4, a.offset());
    assertEquals(24, a.bytes());
    assertEquals(ElementType.F32, a.elementType());
    assertEquals(ElementType.BF16, index.find("b").orElseThrow().elementType());
    assertTrue(index.find("c").isEmpty());
    assertEquals(8 + header.length() + 28, index.fileBytes(a.file()));
  }

  @Test
  void joinsTheShardsOfAnIndex() throws Exception {
    var index =
        TensorIndex.open(
            TestModel.EXAMPLES.resolve("src/test/resources/golden/qwen2-bias-sharded"));

    assertEquals(3, index.files().size());
    assertEquals(26, index.tensors().size());
    assertEquals(
        "model-00002-of-00003.safetensors",
        index.find("model.norm.weight").orElseThrow().file().getFileName().toString());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 9]}} | lies at 0..9 of 8 bytes",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [8, 0]}} | lies at 8..0 of 8 bytes",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [-8, 0]}} | natural numbers",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2.0], \"data_offsets\": [0, 8]}} | natural numbers",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 99999999999999999999]}} | natural numbers",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [3], \"data_offsets\": [0, 8]}} | is F32 of shape [3], but has 8 bytes",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [4294967296,4294967297], \"data_offsets\": [0, 8]}} | impossible shape",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2]}} | lacks",
        "{\"a\": {\"dtype\": 4, \"shape\": [2], \"data_offsets\": [0, 8]}} | no text",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8], \"x\": 1}} | unknown field 'x'",
        "{\"a\": [1]} | no JSON object",
        "[1] | no JSON object",
        "{\"a\": {\"dtype\": \"F32\", | not valid JSON at line 1",
        "{} {} | text follows",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}, \"b\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [2, 6]}} | tensor b overlaps tensor a",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}, \"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4, 8]}} | Duplicate",
      })
  void refusesAHeaderThatDoesNotFitItsFile(String header, String complaint) throws Exception {
    Files.write(folder.resolve("model.safetensors"), TestModel.safetensors(header, 8));

    assertComplaint(complaint);
  }

  @Test
  void refusesDeepNesting() throws Exception {
    String header = "{\"__metadata__\": " + "[".repeat(1_000_000) + "}";
    Files.write(folder.resolve("model.safetensors"), TestModel.safetensors(header, 0));

    assertComplaint("nesting depth");
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, 0, 1, 60, 100_000_001, Long.MAX_VALUE, Long.MIN_VALUE})
  void refusesAHeaderLengthThatTheFileBelies(long length) throws Exception {
    Files.write(
        folder.resolve("model.safetensors"),
        ByteBuffer.allocate(60).order(ByteOrder.LITTLE_ENDIAN).putLong(length).array());

    assertComplaint("a header of " + Long.toUnsignedString(length) + " bytes in a file of 60");
  }

  @Test
  void refusesEveryTruncation() throws Exception {
    byte[] whole = TestModel.safetensors(Map.of("a", "F32 4", "b", "F16 3"));
    var file = folder.resolve("model.safetensors");
    for (int length = 0; length < whole.length; length++) {
      Files.write(file, Arrays.copyOf(whole, length));
      var e = assertThrows(ModelFormatException.class, () -> TensorIndex.open(folder));
      assertTrue(e.getMessage().contains("model.safetensors"), e.getMessage());
    }
  }

  @Test
  void namesATypeItCannotComputeWithOnlyOnceUsed() throws Exception {
    Files.write(folder.resolve("model.safetensors"), TestModel.safetensors(Map.of("ids", "I64 4")));

    var tensor = TensorIndex.open(folder).find("ids").orElseThrow();

    var e = assertThrows(ModelFormatException.class, tensor::elementType);
    assertTrue(e.getMessage().contains("tensor ids is stored as I64"), e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../model.safetensors",
        "/etc/model.safetensors",
        "a/b.safetensors",
        "..",
        "..safetensors",
        "",
        "model.bin",
        "a\\u0000.safetensors"
      })
  void refusesAShardOutsideTheFolder(String shard) throws Exception {
    writeIndex("{\"weight_map\": {\"a\": \"" + shard + "\"}}");

    assertComplaint("is not a .safetensors file of this folder");
  }

  @Test
  void namesAMissingShard() throws Exception {
    writeIndex("{\"weight_map\": {\"a\": \"model-1.safetensors\"}}");

    assertComplaint("shard model-1.safetensors is missing");
  }

  @Test
  void namesATensorThatItsShardLacks() throws Exception {
    writeIndex(
        "{\"weight_map\": {\"a\": \"model-1.safetensors\", \"b\": \"model-1.safetensors\"}}");
    Files.write(folder.resolve("model-1.safetensors"), TestModel.safetensors(Map.of("a", "F32 1")));

    assertComplaint("tensor b is not in shard model-1.safetensors");
  }

  @Test
  void refusesOneTensorInTwoShards() throws Exception {
    writeIndex(
        "{\"weight_map\": {\"a\": \"model-1.safetensors\", \"b\": \"model-2.safetensors\"}}");
    byte[] shard = TestModel.safetensors(Map.of("a", "F32 1", "b", "F32 1"));
    Files.write(folder.resolve("model-1.safetensors"), shard);
    Files.write(folder.resolve("model-2.safetensors"), shard);

    assertComplaint("lies in model-1.safetensors, too");
  }

  @Test
  void saysThatAFolderHasNoWeights() {
    assertComplaint("no weights here");
  }

  @Test
  void keepsHostileNamesToOneLine() throws Exception {
    String header =
        "{\"a\\n\\u001b[31m\\u2028b\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 99]}}";
    Files.write(folder.resolve("model.safetensors"), TestModel.safetensors(header, 8));

    var e = assertThrows(ModelFormatException.class, () -> TensorIndex.open(folder));

    assertFalse(e.getMessage().chars().anyMatch(Character::isISOControl), e.getMessage());
    assertEquals(1, e.getMessage().lines().count());
  }

  private void writeIndex(String json) throws IOException {
    Files.writeString(folder.resolve("model.safetensors.index.json"), json);
  }

  private void assertComplaint(String complaint) {
    var e = assertThrows(ModelFormatException.class, () -> TensorIndex.open(folder));
    assertTrue(e.getMessage().contains(complaint), e.getMessage());
    assertEquals(1, e.getMessage().lines().count(), e.getMessage());
  }
}
