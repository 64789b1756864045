package dev.stowage.cli;

import static dev.stowage.cli.Ran.stowage;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.model.GgufCopy;
import dev.stowage.plan.model.GgufWriter;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.tokenizer.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A GGUF file stands wherever a model's folder does. */
class GgufCommandsTest {
  private static final Path MODEL =
      Path.of("../../examples/models/tiny-llama").toAbsolutePath().normalize();

  @TempDir Path folder;

  @BeforeEach
  void writeTheModel() throws Exception {
    write("m.gguf", "gpt-2");
  }

  private void write(String name, String pre) throws Exception {
    var root = new ObjectMapper().readTree(MODEL.resolve("tokenizer.json").toFile());
    GgufCopy.of(
        MODEL,
        folder.resolve(name),
        (weight, layer) -> ElementType.F16,
        (weight, layer) -> ElementType.F16,
        writer -> addTokenizer(writer, root, pre));
  }

  private static void addTokenizer(GgufWriter writer, JsonNode root, String pre) {
    var vocabulary = root.get("model").get("vocab");
    var tokens = new String[vocabulary.size()];
    vocabulary.properties().forEach(e -> tokens[e.getValue().intValue()] = e.getKey());
    var types = new int[tokens.length];
    java.util.Arrays.fill(types, 1);
    root.get("added_tokens").forEach(token -> types[token.get("id").intValue()] = 3);
    var merges = new ArrayList<String>();
    for (var pair : root.get("model").get("merges")) {
      merges.add(pair.get(0).textValue() + " " + pair.get(1).textValue());
    }
    writer
        .key("tokenizer.ggml.model", "gpt2")
        .key("tokenizer.ggml.pre", pre)
        .key("tokenizer.ggml.tokens", List.of(tokens))
        .key("tokenizer.ggml.token_type", types)
        .key("tokenizer.ggml.merges", merges)
        .key("tokenizer.ggml.bos_token_id", 2)
        .key("tokenizer.ggml.eos_token_id", 2)
        .key("tokenizer.ggml.add_bos_token", true)
        .key("tokenizer.chat_template", "{% for m in messages %}{{ m }}{% endfor %}");
  }

  @Test
  void itsTokenizerIsTheFolders() throws Exception {
    var ours = Tokenizer.read(folder.resolve("m.gguf"));
    var expected = Tokenizer.read(MODEL);
    for (var text :
        List.of(
            "In the beginning God created the heaven and the earth.",
            "  two  spaces, it's 1234 5!\n\nAnd</s>more<unk> – é 😀 ",
            "",
            "\t\r\n x")) {
      assertArrayEquals(expected.encode(text), ours.encode(text), text);
      assertEquals(expected.decode(expected.encode(text)), ours.decode(ours.encode(text)));
    }
  }

  @Test
  void waysToCutTextThatAreNotKnownAreRefusedByName() throws Exception {
    write("other.gguf", "deepseek-llm");
    var e =
        assertThrows(
            ModelFormatException.class, () -> Tokenizer.read(folder.resolve("other.gguf")));
    assertTrue(e.getMessage().contains("deepseek-llm"), e.getMessage());
  }

  @Test
  void itRunsAlone() {
    var args = List.of("run", "-p", "In the beginning", "--max-tokens", "24", "--model");
    var ours = run(args, "m.gguf");
    var expected = run(args, MODEL.toString());
    assertTrue(ours.out().length() > 20, ours::toString);
    assertEquals(expected.out(), ours.out());
  }

  private Ran run(List<String> args, String model) {
    var all = new ArrayList<>(args);
    all.add(model);
    return stowage(folder, all.toArray(String[]::new)).exits(Exit.GOOD);
  }

  @Test
  void itRunsInAPlanOverHostAndDiskAndFromACompiledOne() throws Exception {
    Files.writeString(
        folder.resolve("p.stow"),
        """
        plan p
        platform here {
          host ram { memory 64 MiB }
          disk ssd { memory 1 GiB  path "." }
        }
        model m = gguf "m.gguf"
        workload w { prompt 16 tok  generate 16 tok  requests 1 }
        place {
          weights on ssd = 40%
          weights on ram = 60%
        }
        maximize throughput
        """);
    var fromSource = stowage(folder, "score", "p.stow", "--ids", "2,5,7,9").exits(Exit.GOOD);
    stowage(folder, "compile", "p.stow", "-o", "p").exits(Exit.GOOD);
    var plan = Files.readString(folder.resolve("p.stowplan"));
    assertTrue(plan.contains("model gguf \"m.gguf\" fingerprint"), plan);
    var compiled = stowage(folder, "score", "p.stowplan", "--ids", "2,5,7,9").exits(Exit.GOOD);
    assertEquals(fromSource.out(), compiled.out());
    var model = stowage(folder, "score", "--model", MODEL.toString(), "--ids", "2,5,7,9");
    assertEquals(model.exits(Exit.GOOD).out().lines().count(), compiled.out().lines().count());

    byte[] file = Files.readAllBytes(folder.resolve("m.gguf"));
    file[60] ^= 1; // within a key
    Files.write(folder.resolve("m.gguf"), file);
    stowage(folder, "score", "p.stowplan", "--ids", "2,5,7,9")
        .exits(Exit.MACHINE_LACKS)
        .saysOneLine();
  }

  @Test
  void inspectShowsItsKeysAndItsChatTemplate() throws Exception {
    var human = stowage(folder, "inspect", "m.gguf").exits(Exit.GOOD);
    assertTrue(human.out().contains("{% for m in messages %}"), human::toString);
    assertTrue(human.out().contains("blk.5.ffn_down.weight"), human::toString);
    var keys = stowage(folder, "inspect", "m.gguf", "--format", "json").exits(Exit.GOOD).json();
    assertEquals("1024 × string", keys.get("keys").get("tokenizer.ggml.tokens").textValue());
    stowage(folder, "inspect", "p.gguf").exits(Exit.USAGE).saysOneLine();
  }
}
