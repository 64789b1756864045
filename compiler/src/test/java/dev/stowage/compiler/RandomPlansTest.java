package dev.stowage.compiler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.text.PlanParser;
import dev.stowage.plan.text.PlanPrinter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Whatever places a plan names, it compiles to one that holds together, or says what is wrong. */
class RandomPlansTest {
  private static final Path FOLDER = Path.of("src/test/resources").toAbsolutePath();
  private static final String MODELS = "../../../../examples/models/";

  @Test
  void compilesRandomPlansOrSaysWhatIsWrong() throws Exception {
    int compiled = 0;
    int infeasible = 0;
    for (long seed = 0; seed < 40; seed++) {
      var text = plan(new Random(seed));
      var said = "seed " + seed + "\n" + text;
      var compilation = Compiler.compile(text, FOLDER.resolve("random.stow"), Settings.none());
      switch (compilation) {
        case Compilation.Compiled(var plan, _, _, _, var diagnostics) -> {
          compiled++;
          assertFalse(diagnostics.stream().anyMatch(d -> d.isError()), said);
          assertEquals(plan, PlanParser.parse(PlanPrinter.print(plan)), said);
        }
        case Compilation.Infeasible(_, var diagnostics) -> {
          infeasible++;
          assertTrue(
              diagnostics.stream().anyMatch(d -> d.code().startsWith("SW3")), said + diagnostics);
        }
        case Compilation.Erroneous(var diagnostics) -> throw new AssertionError(said + diagnostics);
      }
    }
    assertTrue(compiled > 20, compiled + " compiled");
    assertTrue(infeasible > 2, infeasible + " infeasible");
  }

  private static String plan(Random random) {
    int drives = 1 + random.nextInt(3);
    return """
    plan random
    platform laptop {
      host ram  { memory %s }
      disk ssd  { memory 1 GiB  path "disk" }
      csd  inst[%d] { memory 64 MiB  path "csd"  emulated }
    }
    model m = hf "%s"
    workload w { prompt %d tok  generate %d tok  batch %d  micro-batches %d }
    place {
      weights on %s
      kv%s on %s split %s
    }
    schedule { order %s  prefetch %d layers }
    maximize throughput
    """
        .formatted(
            pick(random, "64 MiB", "8 MiB", "3 MiB", "1 MiB"),
            drives,
            MODELS + pick(random, "tiny-opt", "tiny-llama"),
            1 + random.nextInt(60),
            1 + random.nextInt(60),
            4 + random.nextInt(8),
            1 + random.nextInt(4),
            shares(random, List.of("ram", "ssd")),
            pick(random, "", "", " of layers[1..2]", " of layers[0,3..4]"),
            shares(random, List.of("ram", "ssd", "inst")),
            pick(random, "tokens", "heads", "sequences"),
            pick(random, "zig-zag", "row", "diagonal"),
            random.nextInt(3));
  }

  /** Exact percentages that sum to 100, or bounds that leave a choice. */
  private static String shares(Random random, List<String> devices) {
    var shares = new ArrayList<String>();
    boolean exact = random.nextBoolean();
    int left = 100;
    for (int i = 0; i < devices.size(); i++) {
      boolean last = i == devices.size() - 1;
      if (exact) {
        int share = last ? left : random.nextInt(left + 1);
        left -= share;
        shares.add(devices.get(i) + " " + share + "%");
      } else {
        shares.add(devices.get(i) + " " + pick(random, "auto", ">= 10%", "5%..100%"));
      }
    }
    return String.join(", ", shares);
  }

  @SafeVarargs
  private static <T> T pick(Random random, T... values) {
    return values[random.nextInt(values.length)];
  }
}
