package dev.stowage.compiler;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.dsl.Fix;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever is offered for a plan that does not fit makes it fit. */
class RemediesTest {
  private static final Path FILE = Path.of("tight.stow").toAbsolutePath();
  private static final int PLANS = 42;

  static LongStream seeds() {
    return LongStream.range(0, PLANS);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyFixOfferedMakesThePlanFeasible(long seed) {
    var text = plan((int) (seed % 7), new Random(31 * seed + 7));
    var found = Compiler.compile(text, FILE, Settings.none());
    var said = "seed " + seed + "\n" + text + found.diagnostics();
    assertInstanceOf(Compilation.Infeasible.class, found, said);
    var fixes = found.diagnostics().stream().flatMap(d -> d.fixes().stream()).toList();
    assertFalse(fixes.isEmpty(), said);
    for (var fix : fixes) {
      assertInstanceOf(
          Compilation.Compiled.class,
          Compiler.compile(applied(text, fix), FILE, Settings.none()),
          () -> fix.title() + " of " + said);
    }
  }

  @Test
  void aShareIsLoweredNoFurtherThanItMust() {
    var text =
        """
        plan tight
        platform box {
          gpu  t4  { memory 6 GiB  reserve 1 GiB }
          host ram { memory 200 GiB  reserve 10% }
          link t4 <-> ram { rate 12 GB/s }
        }
        model m = shape opt-6.7b
        workload w { prompt 128 tok  generate 16 tok  batch 8 }
        place { weights on t4 >= 90%, ram auto  kv on ram 100% }
        maximize throughput
        """;
    var fix =
        Compiler.compile(text, FILE, Settings.none()).diagnostics().stream()
            .flatMap(d -> d.fixes().stream())
            .filter(f -> f.title().contains("t4 >="))
            .findFirst()
            .orElseThrow();
    double share = Double.parseDouble(fix.title().replaceAll(".*>= |%.*", ""));
    assertTrue(30 < share && share < 45, fix.title());
  }

  private static String applied(String text, Fix fix) {
    var edit = fix.edits().getFirst();
    int at = edit.span().offset();
    return text.substring(0, at) + edit.newText() + text.substring(at + edit.span().length());
  }

  /** A plan that asks for too much, in one of seven ways. */
  private static String plan(int family, Random random) {
    int prompt = 16 * (1 + random.nextInt(16));
    int batch = 2 + random.nextInt(15);
    var large = List.of("opt-6.7b", "opt-13b");
    var any = List.of("opt-1.3b", "opt-2.7b", "opt-6.7b", "opt-13b");
    var shape = family < 2 ? large.get(random.nextInt(2)) : any.get(random.nextInt(4));
    var machine =
        switch (family) {
          case 0, 1 ->
              """
                gpu  t4  { memory %d GiB  reserve 1 GiB }
                host ram { memory 200 GiB }
                link t4 <-> ram { rate 12 GB/s }
              """
                  .formatted(3 + random.nextInt(2));
          case 2 -> "  host ram { memory 1 GiB }\n  disk ssd { memory 1 GiB }\n";
          case 3 -> "  host ram { memory 64 GiB }\n  csd  inst[2] { memory 1 MiB }\n";
          default -> "  host ram { memory 64 GiB }\n  disk ssd { memory 1 TB }\n";
        };
    var place =
        switch (family) {
          case 0 -> "place { weights on t4 >= 97% }";
          case 1 -> "place { kv on t4 >= 99%  weights on t4 >= 95% }";
          case 3 -> "place { kv on inst 100% }";
          case 6 -> "place { kv on ram 100%  weights on ram >= 50% }";
          default -> "";
        };
    var goal =
        switch (family) {
          case 4 -> "maximize throughput subject to latency(block) <= 1 ms";
          case 5, 6 -> "maximize throughput subject to peak(ram) <= 10 MiB";
          default -> "maximize throughput";
        };
    return """
    plan tight
    platform box {
    %s}
    model m = shape %s
    workload w { prompt %d tok  generate 8 tok  batch %d  micro-batches 1 }
    %s
    %s
    """
        .formatted(machine, shape, prompt, batch, place, goal);
  }
}
