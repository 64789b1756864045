package dev.stowage.bundle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** FlexGen is run as its benchmark expects, and what it prints is understood. */
class FlexGenTest {
  /** As {@code write_benchmark_log} of FlexLLMGen 0.1.7 writes it. */
  private static final String PRINTED =
      """
      <run_flexllmgen>: args.model: facebook/opt-6.7b
      model size: 12.386 GB, cache size: 0.797 GB, hidden size (prefill): 0.006 GB
      init weight...
      warmup - generate
      benchmark - generate
      TorchDevice: cuda:0
        cur_mem: 1.2000 GB,  peak_mem: 3.5000 GB
      model size: 12.386 GB	cache size: 0.797 GB	hidden size (p): 0.006 GB
      peak gpu mem: 3.500 GB	projected: False
      prefill latency: 2.125 s	prefill throughput: 1445.647 token/s
      decode latency: 9.500 s	decode throughput: 19.579 token/s
      total latency: 11.625 s	total throughput: 16.516 token/s
      """;

  private static final FlexGen.Work ON_HOST = new FlexGen.Work(48, 4, 512, 32, false);

  @TempDir Path scratch;
  private Path folder;

  @BeforeEach
  void make() throws IOException {
    folder = Files.createDirectory(scratch.resolve("FlexGen"));
  }

  @Test
  void readsTheNumbersOfABenchmark() {
    assertEquals(
        Optional.of(new FlexGen.Ran(2.125, 9.5, 16.516, 3584L << 20)), FlexGen.parse(PRINTED));
  }

  @Test
  void aTextWithoutNumbersHasNone() {
    assertEquals(Optional.empty(), FlexGen.parse(""));
    assertEquals(
        Optional.empty(), FlexGen.parse(PRINTED.substring(0, PRINTED.indexOf("total latency"))));
  }

  @Test
  void saysWhyItCannotRun() throws IOException {
    assertEquals(
        new FlexGen.Missing("no checkout of FlexGen was named (--flexgen FOLDER)"),
        FlexGen.find(Optional.empty(), scratch));
    assertEquals(
        new FlexGen.Missing(folder + " has no flexllmgen/flex_opt.py"),
        FlexGen.find(Optional.of(folder), scratch));
    write("flexgen/flex_opt.py", "");
    write("torch.py", "raise ImportError('no torch here')\n");
    var missing =
        assertInstanceOf(FlexGen.Missing.class, FlexGen.find(Optional.of(folder), scratch));
    assertTrue(missing.reason().startsWith("python3 "), missing.reason());
  }

  @Test
  void runsTheBenchmarkUnderTheCap() throws IOException {
    var flexgen = installed();
    write(
        "flexllmgen/flex_opt.py",
        """
        import sys, torch
        from transformers import AutoTokenizer
        ids = AutoTokenizer.from_pretrained("facebook/opt-30b", padding_side="left")(
            ["Paris"], padding="max_length", max_length=512).input_ids
        assert __name__ == "__main__" and len(ids[0]) == 512
        with open("seen", "w") as seen:
            seen.write(str(torch.cuda.fraction) + " " + " ".join(sys.argv[1:]))
        print('''%s''')
        """
            .formatted(PRINTED));
    assertEquals(
        new FlexGen.Ran(2.125, 9.5, 16.516, 3584L << 20),
        flexgen.run("opt-6.7b", ON_HOST, 250_000_000));
    assertEquals(
        "0.25 --model facebook/opt-6.7b --path _DUMMY_ --offload-dir %1$s/flexgen --log-file %1$s/flexgen.log --prompt-len 512 --gen-len 32 --gpu-batch-size 12 --num-gpu-batches 4 --percent 0 100 0 100 0 100 --cpu-cache-compute"
            .formatted(scratch),
        Files.readString(scratch.resolve("seen")));
  }

  @Test
  void aBenchmarkThatFailsSaysWhy() throws IOException {
    var flexgen = installed();
    write("flexllmgen/flex_opt.py", "raise MemoryError('CUDA out of memory')\n");
    assertEquals(
        new FlexGen.Failed("MemoryError: CUDA out of memory"),
        flexgen.run("opt-6.7b", ON_HOST, 250_000_000));
    write("flexllmgen/flex_opt.py", "print('done')\n");
    assertEquals(
        new FlexGen.Failed("its output names no throughput: done"),
        flexgen.run("opt-6.7b", ON_HOST, 250_000_000));
  }

  /** FlexGen beside a PyTorch that plays a GPU of 1 GB. */
  private FlexGen installed() throws IOException {
    write("flexllmgen/flex_opt.py", "");
    write(
        "torch.py",
        """
        import types
        class cuda:
            fraction = None
            def get_device_properties(device):
                return types.SimpleNamespace(total_memory=1000000000)
            def set_per_process_memory_fraction(fraction):
                cuda.fraction = fraction
        """);
    var found = FlexGen.find(Optional.of(folder), scratch);
    assumeTrue(
        !(found instanceof FlexGen.Missing(var reason) && reason.contains("Cannot run program")),
        "there is no python3");
    return assertInstanceOf(FlexGen.Here.class, found).flexgen();
  }

  private void write(String name, String text) throws IOException {
    var file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }
}
