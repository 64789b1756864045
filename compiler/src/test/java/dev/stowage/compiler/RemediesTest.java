package dev.stowage.compiler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.resolve.Resolver;
import dev.stowage.dsl.Fix;
import dev.stowage.dsl.Repair;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.StowParser;
import dev.stowage.dsl.TextEdit;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.WorkloadItem;
import dev.stowage.optimizer.Limit;
import dev.stowage.optimizer.Optimizer;
import dev.stowage.optimizer.PlacementOutcome;
import dev.stowage.optimizer.ortools.GlopSolver;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever is offered for a plan that does not fit makes it fit. */
class RemediesTest {
  private static final Path FILE = Path.of("tight.stow").toAbsolutePath();
  private static final int PLANS = 42;

  /** What is no decision of the author's: memory and lengths. */
  private static final String FACT = ".*(: memory |\\b(prompt|generate) [0-9]+ tok).*";

  static LongStream seeds() {
    return LongStream.range(0, PLANS);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyFixOfferedMakesThePlanFeasibleAndNoPlaceNamedIsSpare(long seed) {
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
    var decisions = fixes.stream().filter(f -> !f.title().matches(FACT)).toList();
    assertEquals(
        decisions.isEmpty() ? List.of() : List.of(decisions.getFirst()),
        fixes.stream().filter(Fix::preferred).toList(),
        said);
    irreducible(text, Settings.none(), found);
  }

  /** Says again, by other means, that a set of limits is in conflict and no part of it is. */
  private static void irreducible(String text, Settings settings, Compilation compilation) {
    var parsed = StowParser.parse(text, FILE);
    var resolved =
        Resolver.resolve(parsed.root(), FILE, settings, Optional.empty()).resolved().orElseThrow();
    var problem = resolved.problems().getFirst();
    var optimizer = new Optimizer(new GlopSolver());
    var infeasible =
        assertInstanceOf(PlacementOutcome.Infeasible.class, optimizer.place(problem), text);
    var places = new HashSet<Set<SourceSpan>>();
    for (var conflict : infeasible.conflicts()) {
      var set = conflict.limits();
      var said = set + " of\n" + text;
      assertTrue(conflict.amount() > 0, said);
      assertFalse(optimizer.mayFit(Limit.only(problem, set)), said);
      for (var limit : set) {
        var rest = new ArrayList<>(set);
        rest.remove(limit);
        assertTrue(optimizer.mayFit(Limit.only(problem, rest)), limit + " is spare in " + said);
      }
      var spans = new HashSet<SourceSpan>();
      for (var limit : set) {
        spans.add(
            switch (limit) {
              case Limit.Statement(var source) -> resolved.spans().get(source);
              case Limit.Memory(var devices) -> resolved.devices().get(devices.getFirst());
              case Limit.Batch() -> spanOf(parsed.root(), "batch");
            });
      }
      places.add(spans);
    }
    var named = new HashSet<Set<SourceSpan>>();
    for (var one : compilation.diagnostics()) {
      if (one.code().startsWith("SW30")) {
        var spans = new HashSet<>(Set.of(one.span()));
        one.related().forEach(r -> spans.add(r.span()));
        named.add(spans);
      }
    }
    assertEquals(places, named, text);
  }

  private static SourceSpan spanOf(Script script, String item) {
    var all = script.eAllContents();
    while (all.hasNext()) {
      if (all.next() instanceof WorkloadItem one && one.getName().equals(item)) {
        return Spans.of(one);
      }
    }
    throw new AssertionError("no " + item);
  }

  /** A plan of another kind of conflict, and words of a fix that it must offer. */
  record Case(String name, String text, Optional<String> variant, String offered) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static final String MACHINE =
      """
      plan tight
      platform box {
        gpu  t4  { memory 6 GiB  reserve 1 GiB }
        host ram { memory 200 GiB }
        disk ssd { memory 1 TB }
        link t4 <-> ram { rate 12 GB/s }
      }
      model m = shape opt-6.7b
      """;

  static List<Case> cases() {
    var work = "workload w { prompt 100 tok  generate 16 tok  batch 8 }\n";
    return List.of(
        new Case(
            "a parameter's default",
            MACHINE
                + work
                + """
                param least : percent = 90%
                place { weights on t4 >= least }
                maximize throughput
                """,
            Optional.empty(),
            "param least : percent = [0-9.]+%"),
        new Case(
            "a parameter's default and its range",
            MACHINE
                + work
                + """
                param least : percent = 90% in 80%..100%
                place { weights on t4 >= least }
                maximize throughput
                """,
            Optional.empty(),
            "param least : percent = [0-9.]+% in [0-9.]+%..100%"),
        new Case(
            "a range of shares",
            MACHINE + work + "place { weights on t4 60%..80%, ram auto }\nmaximize throughput\n",
            Optional.empty(),
            "weights on t4 [0-9.]+%..80%"),
        new Case(
            "exact shares that leave nothing open",
            MACHINE + work + "place { weights on t4 70%, ram 30% }\nmaximize throughput\n",
            Optional.empty(),
            "weights on t4 auto, ram auto"),
        new Case(
            "all of the KV cache",
            MACHINE
                + """
                workload w { prompt 1000 tok  generate 16 tok  batch 16 }
                place { kv on t4 100% }
                maximize throughput
                """,
            Optional.empty(),
            "kv on t4 [0-9.]+%, ram auto"),
        new Case(
            "a batch that is too large",
            MACHINE
                + """
                workload w { prompt 1000 tok  generate 16 tok  batch 64..128 step 8 }
                place { kv on t4 >= 50% }
                maximize throughput
                """,
            Optional.empty(),
            "batch [0-9]+..128 step 8"),
        new Case(
            "a prompt that is too long",
            MACHINE
                + """
                workload w { prompt 2000 tok  generate 16 tok  batch 4 }
                place { kv on t4 >= 99% }
                maximize throughput subject to peak(t4) <= 3 GiB
                """,
            Optional.empty(),
            "prompt [0-9]+ tok"),
        new Case(
            "a limit on latency",
            MACHINE + work + "maximize throughput subject to latency(token) <= 10 ms\n",
            Optional.empty(),
            "latency\\(token\\) <= [0-9.]+ ms"),
        new Case(
            "a limit on throughput",
            MACHINE + work + "maximize throughput subject to throughput >= 9000 tok/s\n",
            Optional.empty(),
            "throughput >= [0-9.]+ tok/s"),
        new Case(
            "attention where none leads",
            MACHINE
                + work
                + """
                place { kv on ram 100% }
                schedule { attention decode on t4 }
                maximize throughput subject to peak(t4) <= 1 MiB
                """,
            Optional.empty(),
            "peak\\(t4\\) <= [0-9.]+ MiB"),
        new Case(
            "a rule that leaves a device out",
            MACHINE.replace("200 GiB", "8 GiB")
                + work
                + "place { weights on ram auto }\nmaximize throughput\n",
            Optional.empty(),
            "allow weights on ssd"),
        new Case(
            "a variant's rule",
            MACHINE
                + work
                + """
                maximize throughput
                variant card { place { weights on t4 >= 90% } }
                """,
            Optional.of("card"),
            "weights on t4 >= [0-9.]+%"),
        new Case(
            "a variant's setting of a parameter",
            MACHINE
                + work
                + """
                param least : percent = 5%
                place { weights on t4 >= least }
                maximize throughput
                variant card { least = 90% }
                """,
            Optional.of("card"),
            "least = [0-9.]+%"),
        new Case(
            "two conflicts at once",
            MACHINE
                + work
                + """
                place { weights on t4 >= 90% }
                maximize throughput subject to peak(ram) <= 1 MiB
                """,
            Optional.empty(),
            "(?s).* and .*"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void everyKindOfConflictHasAFixThatIsPreferredAndLeadsOut(Case one) {
    var settings = new Settings(Map.of(), one.variant(), OptionalInt.empty());
    var found = Compiler.compile(one.text(), FILE, settings);
    var said = one.text() + found.diagnostics();
    assertInstanceOf(Compilation.Infeasible.class, found, said);
    irreducible(one.text(), settings, found);
    var fixes = found.diagnostics().stream().flatMap(d -> d.fixes().stream()).toList();
    assertTrue(fixes.stream().anyMatch(f -> f.title().matches(one.offered())), said);
    for (var fix : fixes) {
      assertInstanceOf(
          Compilation.Compiled.class,
          Compiler.compile(applied(one.text(), fix), FILE, settings),
          () -> fix.title() + " of " + said);
    }
    assertEquals(1, fixes.stream().filter(Fix::preferred).count(), said);
    var repaired =
        Repair.of(
            one.text(),
            FILE.toString(),
            text -> Compiler.compile(text, FILE, settings).diagnostics());
    assertInstanceOf(
        Compilation.Compiled.class, Compiler.compile(repaired.text(), FILE, settings), said);
  }

  @Test
  void whatNeedsTheMemoryIsCountedInOneUnitAndAddsUp() {
    var found =
        Compiler.compile(
            MACHINE
                + """
                workload w { prompt 128 tok  generate 16 tok  batch 8 }
                place { weights on t4 >= 90%  kv on t4 >= 50% }
                maximize throughput
                """,
            FILE,
            Settings.none());
    var message =
        found.diagnostics().stream()
            .filter(d -> d.code().equals("SW301"))
            .findFirst()
            .orElseThrow()
            .message();
    var amounts = new HashMap<String, Double>();
    message
        .lines()
        .skip(1)
        .forEach(
            line -> {
              assertTrue(line.matches("      [a-z ]{16} {1,10}[0-9]+\\.[0-9]{2} GiB"), message);
              amounts.put(
                  line.substring(6, 22).strip(),
                  Double.parseDouble(line.substring(22).replace("GiB", "")));
            });
    assertEquals(
        amounts.get("needed"),
        amounts.get("weights")
            + amounts.get("kv")
            + amounts.get("activations")
            + amounts.get("working memory"),
        0.03,
        message);
    assertEquals(
        amounts.get("usable"), amounts.get("memory") - amounts.get("less reserve"), 0.011, message);
    assertEquals(
        amounts.get("missing"), amounts.get("needed") - amounts.get("usable"), 0.011, message);
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
    var changed = new StringBuilder(text);
    fix.edits().stream()
        .sorted(Comparator.comparingInt((TextEdit edit) -> edit.span().offset()).reversed())
        .forEach(
            edit -> {
              int at = edit.span().offset();
              changed.replace(at, at + edit.span().length(), edit.newText());
            });
    return changed.toString();
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
