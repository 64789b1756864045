package dev.stowage.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Other tools' words in and out, as a user types them. */
class ImportTest {
  @TempDir Path folder;

  private Ran stowage(String... args) {
    return Ran.stowage(folder, args);
  }

  @Test
  void flagsOfFlexGenBecomeAPlanAndComeBack() throws IOException {
    var ran =
        stowage(
                "import --from flexgen -o a.stow -- --model opt-1.3b --percent 20 80 0 100 0 100 --frob"
                    .split(" "))
            .exits(Exit.GOOD);
    assertEquals("", ran.out());
    assertTrue(ran.err().contains("not carried over: --frob: "), ran.err());
    assertTrue(Files.readString(folder.resolve("a.stow")).startsWith("// Imported from FlexGen"));

    var back = stowage("explain", "a.stow", "--as", "flexgen").exits(Exit.GOOD).out();
    assertTrue(back.contains("  --percent 20 80 0 100 "), back);
    assertTrue(back.contains("# FlexGen lays whole tensors by their midpoints"), back);
    assertTrue(back.contains(" 8.3 % "), back);
  }

  @Test
  void aWrongWordIsSaidInOneLine() {
    stowage("import", "--from", "flexgen", "--", "--percent", "1").exits(Exit.USAGE).saysOneLine();
    stowage("import", "--from", "frob", "--", "--percent").exits(Exit.USAGE).saysOneLine();
    stowage("import", "--from", "flexgen", "--machine", "lib:nvidia/t5", "--")
        .exits(Exit.USAGE)
        .saysOneLine();
    stowage("import", "--from", "flexgen", "--machine", "lib:generic/host", "--")
        .exits(Exit.USAGE)
        .saysOneLine();
  }

  @Test
  void flexGensModelOfItsHeadlinePolicyIsAsItsOwnCodePrints() throws IOException {
    stowage(
            ("import --from flexgen --machine lib:nvidia/h100 -o a.stow -- --model facebook/opt-30b"
                    + " --prompt-len 512 --gen-len 32 --gpu-batch-size 48 --num-gpu-batches 3"
                    + " --percent 20 80 0 100 0 100 --cpu-cache-compute")
                .split(" "))
        .exits(Exit.GOOD);
    var json =
        stowage("explain", "a.stow", "--cost-model", "flexgen", "--format", "json")
            .exits(Exit.GOOD)
            .json();
    String[] names = {"ctog_s", "gtoc_s", "dtoc_s", "ctod_s", "comp_s"};
    // cost_model.py of FlexLLMGen 0.1.7 with its own constants
    double[] prefill = {.147644, 2.237830, 0, 0, 4.388967};
    double[] decode = {.071425, .000399, 0, 0, .220976};
    for (int i = 0; i < names.length; i++) {
      assertEquals(prefill[i], json.get("prefill_layer").get(names[i]).doubleValue(), 6e-7);
      assertEquals(decode[i], json.get("decode_layer").get(names[i]).doubleValue(), 6e-7);
    }
    assertEquals(645.76408, json.get("total_s").doubleValue(), 6e-3);
    assertEquals(7.135733, json.get("throughput_tok_per_s").doubleValue(), 6e-5);
    double gib = 1L << 30;
    assertEquals(18.768750, json.get("gpu_prefill_bytes").doubleValue() / gib, 1e-4);
    assertEquals(12.870191, json.get("gpu_decode_bytes").doubleValue() / gib, 1e-4);
    assertEquals(140.831249, json.get("host_prefill_bytes").doubleValue() / gib, 1e-3);
    assertEquals(144.511538, json.get("host_decode_bytes").doubleValue() / gib, 1e-3);
    assertEquals("released", json.get("overlap").textValue());
    assertTrue(json.get("paper_total_s").doubleValue() < json.get("total_s").doubleValue());

    var human =
        stowage("explain", "a.stow", "--cost-model", "flexgen", "--constant", "ctog_bw=1e9")
            .exits(Exit.GOOD)
            .out();
    assertTrue(human.contains("not the plan's prediction"), human);
    assertTrue(human.contains("ctog_bw            1.00000e+09"), human);
  }

  @Test
  void aCostModelThatDoesNotFitIsRefusedInOneLine() throws IOException {
    Files.writeString(
        folder.resolve("host.stow"),
        """
        plan hosted
        platform here { host ram { memory 8 GiB } }
        model m = shape opt-125m
        workload w { prompt 16 tok  generate 8 tok  batch 2 }
        maximize throughput
        """);
    var noGpu = stowage("explain", "host.stow", "--cost-model", "flexgen").exits(Exit.USAGE);
    assertTrue(noGpu.saysOneLine().err().contains("has none"), noGpu.err());
    for (var words :
        new String[] {
          "--cost-model frob",
          "--constant ctog_bw=1",
          "--as flexgen --cost-model flexgen",
          "--as flexgen --format json",
          "--cost-model flexgen --format html",
          "--cost-model flexgen --constant ctog_bw=x"
        }) {
      stowage(("explain host.stow " + words).split(" ")).exits(Exit.USAGE).saysOneLine();
    }
    stowage("import --from flexgen -o b.stow -- --model opt-125m".split(" ")).exits(Exit.GOOD);
    for (var constant : new String[] {"frob=1", "ctog_bw=0", "ctog_bw=NaN", "ctog_bw=-1"}) {
      stowage("explain", "b.stow", "--cost-model", "flexgen", "--constant", constant)
          .exits(Exit.USAGE)
          .saysOneLine();
    }
  }
}
