package dev.stowage.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import dev.stowage.plan.Asked;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A plan that the compiler accepts keeps its promise when it runs: bytes, tiers and tokens. */
class PromiseTest {
  @TempDir Path folder;

  @ParameterizedTest(name = "{0} KiB of host memory")
  @ValueSource(ints = {512, 1024, 1536, 2048, 2560, 3072, 4096, 524_288})
  void runsWithinTheHostMemoryThatThePlanNames(int hostKiB) throws Exception {
    for (var name : List.of("tiny-opt", "tiny-llama")) {
      var model = Path.of("models", name).toAbsolutePath();
      var golden = Golden.read(model).greedy();
      var compiled =
          assertInstanceOf(
              Compilation.Compiled.class,
              compile(
                  """
                  plan promise
                  platform small {
                    host ram  { memory %d KiB }
                    disk ssd  { memory 2 GiB  path "disk" }
                    csd  inst { memory 64 MiB  path "csd"  emulated }
                  }
                  model m = hf "%s"
                  workload w { prompt %d tok  generate %d tok  requests 4 }
                  maximize throughput
                  """
                      .formatted(hostKiB, model, golden.prompt().length, golden.output().size())));
      var plan = compiled.plan();
      assertTrue(plan.bytesOn("ram") <= hostKiB * 1024L, name + " plans " + plan.bytesOn("ram"));
      for (var what : List.of("weights", "kv", "activations")) {
        assertEquals(
            1,
            plan.shares().stream()
                .filter(share -> share.what().equals(what))
                .mapToDouble(Asked::realised)
                .sum(),
            1e-9,
            what);
      }
      var request = new Request(golden.prompt(), golden.output().size(), Set.of(), Sampling.GREEDY);
      try (var session = Session.open(plan, compiled.schedule(), folder, model, 2)) {
        for (var completion :
            session.generate(List.of(request, request, request, request), (index, id) -> true)) {
          assertEquals(golden.output(), completion.output(), name);
        }
        for (var device : session.metrics().devices()) {
          assertTrue(device.usedBytes() <= device.usableBytes(), device.toString());
        }
      }
    }
  }

  @Test
  void tooLittleMemoryIsInfeasibleAndNamesTheHostAndTheAmount() {
    var refused =
        assertInstanceOf(
            Compilation.Infeasible.class,
            compile(
                """
                plan tight
                platform small { host ram { memory 64 KiB } }
                model m = hf "%s"
                workload w { prompt 32 tok  generate 32 tok  requests 4 }
                maximize throughput
                """
                    .formatted(Path.of("models/tiny-opt").toAbsolutePath())));
    var text = refused.diagnostics().getFirst().render(folder);
    assertTrue(
        text.matches("(?s).*SW301.*memory\\(ram\\) needs .* of 64 KiB usable, .* too much.*"),
        text);
  }

  private Compilation compile(String text) {
    return Compiler.compile(text, folder.resolve("promise.stow"), Settings.none());
  }
}
