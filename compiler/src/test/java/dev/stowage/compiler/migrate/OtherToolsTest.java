package dev.stowage.compiler.migrate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** llama.cpp's flags and accelerate's maps as plans, and back. */
class OtherToolsTest {
  @TempDir Path folder;

  private Imported llama(String flags) {
    return new LlamaCppImporter().read(List.of(flags.split(" ")), Hardware.T4, folder);
  }

  private Imported accelerate(String json) throws IOException {
    Files.writeString(folder.resolve("map.json"), json);
    return new AccelerateImporter()
        .read(List.of("--model", "facebook/opt-125m", "map.json"), Hardware.T4, folder);
  }

  private static String back(String tool, Imported imported) {
    var compilation =
        Compiler.compile(imported.planText(), Path.of("imported.stow"), Settings.none());
    var compiled =
        assertInstanceOf(
            Compilation.Compiled.class,
            compilation,
            () -> imported.planText() + compilation.diagnostics());
    return Exports.of(tool, compiled.plan(), compiled.schedule());
  }

  private static void contains(String text, String... parts) {
    for (var part : parts) {
      assertTrue(text.contains(part), () -> part + " in\n" + text);
    }
  }

  @Test
  void theLastLayersAreOnTheGpuWithTheirCache() {
    var imported =
        llama("-m llama-2-7b -ngl 20 -c 2048 -np 4 -n 128 -ctk q8_0 -ctv q8_0 -ot exps=CPU -fa on");
    contains(
        imported.planText(),
        "weights of layers[0..11]  on ram 100%",
        "weights of layers[12..31] on gpu0 100%",
        "kv of layers[0..11]       on ram 100%",
        "kv of layers[12..31]      on gpu0 100%",
        "prompt 384 tok  generate 128 tok  batch 4",
        "kv 8-bit group 64",
        "// -ot exps=CPU: a rule over tensor names",
        "// -fa on: ");
    contains(back("llama.cpp", imported), "-ngl 20 ", "-np 4 ", "-c 2048 ", "-n 128 ", "q8_0");
  }

  @Test
  void allLayersAreMoreThanThereAreAndNoneNeedsNoGpu() {
    contains(back("llama.cpp", llama("-m llama-2-7b -ngl 99 -c 1024")), "-ngl 33 ");
    var none = llama("-m llama-2-7b -c 1024");
    assertTrue(!none.planText().contains("gpu0"), none.planText());
    contains(back("llama.cpp", none), "-ngl 0 ");
  }

  @Test
  void aMapsLayersAreLinesAndComeBack() throws IOException {
    var json = new ArrayList<String>();
    json.add("\"model.decoder.embed_tokens\": 0");
    json.add("\"model.decoder.final_layer_norm\": 0");
    json.add("\"lm_head\": 0");
    for (int layer = 0; layer < 12; layer++) {
      json.add(
          "\"model.decoder.layers.%d\": %s"
              .formatted(layer, layer < 5 ? "0" : layer < 9 ? "\"cpu\"" : "\"disk\""));
    }
    var imported =
        accelerate(
            "{\"device_map\": {%s}, \"max_memory\": {\"0\": \"10GiB\", \"cpu\": \"30GiB\", \"1\": \"9GiB\"}}"
                .formatted(String.join(",", json)));
    contains(
        imported.planText(),
        "weights of layers[0..4]  on gpu0 100%",
        "weights of layers[5..8]  on ram 100%",
        "weights of layers[9..11] on nvme 100%",
        "memory 10 GiB",
        "memory 30 GiB",
        "// max_memory 1 ",
        "// model.decoder.final_layer_norm: ");
    var map = back("accelerate", imported);
    json.forEach(line -> contains(map, line));
  }

  @Test
  void anOpenMapLeavesThePlacementOpen() throws IOException {
    var imported = accelerate("{\"device_map\": \"auto\"}");
    assertTrue(!imported.planText().contains("place {"), imported.planText());
    back("accelerate", imported);
  }

  @Test
  void whatIsWrongIsSaidInOneLine() {
    for (var json :
        List.of(
            "",
            "[]",
            "{\"a\":",
            "{\"a\": 1, \"a\": 2}",
            "{\"lm_head\": \"moon\"}",
            "{\"\": 0, \"lm_head\": 0}",
            "{\"a\": %s}".formatted("[".repeat(10_000)),
            " ".repeat((1 << 20) + 1))) {
      var e = assertThrows(ImportException.class, () -> accelerate(json), () -> json);
      assertEquals(1, e.getMessage().lines().count(), e.getMessage());
    }
    for (var flags :
        List.of(
            "-ngl 3",
            "-m absent.gguf -ngl 3",
            "-m llama-2-7b -ngl -3",
            "-m llama-2-7b -ngl auto",
            "-m llama-2-7b -c 64 -n 64",
            "-m llama-2-7b -np 0",
            "-m llama-2-7b -c 99999999999")) {
      var e = assertThrows(ImportException.class, () -> llama(flags), flags);
      assertEquals(1, e.getMessage().lines().count(), e.getMessage());
    }
  }

  private Imported deepSpeed(String json) throws IOException {
    Files.writeString(folder.resolve("ds.json"), json);
    return new DeepSpeedImporter()
        .read(List.of("--model", "opt-1.3b", "ds.json"), Hardware.T4, folder);
  }

  private Imported vllm(String flags) {
    return new VllmImporter().read(List.of(flags.split(" ")), Hardware.T4, folder);
  }

  @Test
  void whatDeepSpeedOffloadsIsOnTheDriveAndEveryOtherKeyIsNamed() throws IOException {
    var imported =
        deepSpeed(
            """
            {"zero_optimization": {"stage": 3, "offload_param":
              {"device": "nvme", "nvme_path": "/mnt/x", "buffer_count": 5}},
             "aio": {"block_size": 262144}, "train_micro_batch_size_per_gpu": 8}
            """);
    contains(
        imported.planText(),
        "path \"/mnt/x\"",
        "batch 8",
        "weights on nvme 100%",
        "// zero_optimization.stage 3: ",
        "// zero_optimization.offload_param.buffer_count 5: ",
        "// aio.block_size 262144: ");
    contains(back("accelerate", imported), "\"model.decoder.layers.0\": \"disk\"");
  }

  @Test
  void whatVllmOffloadsIsAShareOfTheWeights() throws IOException {
    var imported =
        vllm(
            "serve facebook/opt-1.3b --cpu-offload-gb 1 --max-num-seqs 8 --max-model-len 512 --tensor-parallel-size 2 --frob");
    contains(
        imported.planText(),
        "reserve 10%",
        "prompt 256 tok  generate 256 tok  batch auto in 1..8",
        "weights on gpu0 rest, ram 4",
        "// --tensor-parallel-size 2: ",
        "// --frob: ");
    back("flexgen", imported);
  }

  @Test
  void vllmsFileStandsBeforeItsFlags() throws IOException {
    Files.writeString(
        folder.resolve("v.yaml"),
        """
        model: opt-1.3b
        max_num_seqs: 4
        cpu-offload-gb: 1
        max-model-len: 512
        enable-prefix-caching: true
        lora-modules: [a=b, c=d]
        """);
    var imported = vllm("serve --config v.yaml --max-num-seqs 8");
    contains(
        imported.planText(),
        "prompt 256 tok  generate 256 tok  batch auto in 1..8",
        "weights on gpu0 rest, ram 4",
        "// --enable-prefix-caching true: ",
        "// --lora-modules a=b c=d: ",
        "// --max-num-seqs 4: ");
    assertEquals(imported.planText(), vllm("serve --max-num-seqs 8 --config=v.yaml").planText());
  }

  @Test
  void whatIsWrongInAYamlFileIsSaidInOneLine() throws IOException {
    for (var yaml : List.of("- a", "a: [", "a: 1\na: 2", "&a [*a, *a]", "x", "", "a: &b {c: *b}")) {
      Files.writeString(folder.resolve("v.yaml"), yaml);
      var e = assertThrows(ImportException.class, () -> vllm("serve --config v.yaml"), yaml);
      assertEquals(1, e.getMessage().lines().count(), e.getMessage());
    }
  }

  @Test
  void whatIsWrongInThemIsSaidInOneLineToo() {
    for (var flags :
        List.of(
            "--cpu-offload-gb 1",
            "serve opt-1.3b --cpu-offload-gb -1",
            "serve opt-1.3b --gpu-memory-utilization 1.5",
            "serve opt-1.3b --gpu-memory-utilization 0")) {
      var e = assertThrows(ImportException.class, () -> vllm(flags), flags);
      assertEquals(1, e.getMessage().lines().count(), e.getMessage());
    }
    for (var json :
        List.of(
            "{\"zero_optimization\": {\"offload_param\": {\"device\": \"moon\"}}}",
            "{\"train_micro_batch_size_per_gpu\": -1}",
            "{\"zero_optimization\": {\"offload_param\": {\"device\": \"nvme\", \"nvme_path\": \"a\\nb\"}}}")) {
      var e = assertThrows(ImportException.class, () -> deepSpeed(json), json);
      assertEquals(1, e.getMessage().lines().count(), e.getMessage());
    }
  }
}
