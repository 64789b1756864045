package dev.stowage.compiler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.optimizer.Placement;
import dev.stowage.plan.text.PlanParser;
import dev.stowage.plan.text.PlanPrinter;
import dev.stowage.plan.text.SchedulePrinter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * What every stage makes of one program: {@code main.stow} compiles to {@code main.diagnostics},
 * {@code main.placement}, {@code main.plan} and {@code main.schedule}. A file {@code settings}
 * names a variant or sets parameters. To accept what is made now, run with {@code
 * -Dstowage.baselines=rewrite} and read the difference.
 */
class BaselineTest {
  private static final Path CASES = Path.of("src/test/resources/baselines").toAbsolutePath();
  private static final boolean REWRITE = "rewrite".equals(System.getProperty("stowage.baselines"));

  @TestFactory
  Stream<DynamicTest> compilesToItsBaseline() throws IOException {
    return cases().map(folder -> DynamicTest.dynamicTest(name(folder), () -> compare(folder)));
  }

  @TestFactory
  Stream<DynamicTest> compilesTwiceToTheSameBytes() throws IOException {
    return cases()
        .map(
            folder ->
                DynamicTest.dynamicTest(
                    name(folder), () -> assertEquals(stages(folder), stages(folder))));
  }

  @Test
  void readsWhatItPrints() throws Exception {
    int plans = 0;
    for (var folder : cases().toList()) {
      var plan = folder.resolve("main.plan");
      if (Files.exists(plan)) {
        var text = Files.readString(plan);
        assertEquals(text, PlanPrinter.print(PlanParser.parse(text)), name(folder));
        plans++;
      }
    }
    assertTrue(plans > 0, "no case compiles to a plan");
  }

  private static Stream<Path> cases() throws IOException {
    try (var folders = Files.list(CASES)) {
      return folders.filter(Files::isDirectory).sorted().toList().stream();
    }
  }

  private static String name(Path folder) {
    return folder.getFileName().toString();
  }

  private static void compare(Path folder) throws IOException {
    var stages = stages(folder);
    for (var file :
        new String[] {"main.diagnostics", "main.placement", "main.plan", "main.schedule"}) {
      var path = folder.resolve(file);
      var made = Optional.ofNullable(stages.get(file));
      if (REWRITE) {
        Files.deleteIfExists(path);
        if (made.isPresent()) {
          Files.writeString(path, made.get());
        }
      } else if (made.isEmpty()) {
        assertTrue(!Files.exists(path), "nothing made for " + path);
      } else if (!Files.exists(path)) {
        fail("no baseline " + path + "; made:\n" + made.get());
      } else {
        assertEquals(Files.readString(path), made.get(), path.toString());
      }
    }
  }

  /** The text of every stage that was reached, by file name. */
  private static Map<String, String> stages(Path folder) throws IOException {
    var compilation = Compiler.compile(folder.resolve("main.stow"), settings(folder));
    var stages = new TreeMap<String, String>();
    stages.put("main.diagnostics", diagnostics(compilation, folder));
    switch (compilation) {
      case Compilation.Compiled compiled -> {
        stages.put("main.placement", placement(compiled.placement()));
        stages.put("main.plan", PlanPrinter.print(compiled.plan()));
        stages.put("main.schedule", SchedulePrinter.print(compiled.schedule()));
      }
      case Compilation.Erroneous erroneous -> {}
      case Compilation.Infeasible infeasible -> {}
    }
    return stages;
  }

  private static Settings settings(Path folder) throws IOException {
    var file = folder.resolve("settings");
    var values = new TreeMap<String, String>();
    Optional<String> variant = Optional.empty();
    for (var line : Files.exists(file) ? Files.readAllLines(file) : java.util.List.<String>of()) {
      var words = line.split("[ =]", 3);
      switch (words[0]) {
        case "variant" -> variant = Optional.of(words[1]);
        case "set" -> values.put(words[1], words[2]);
        default -> throw new IllegalArgumentException("not a setting: " + line);
      }
    }
    return new Settings(values, variant, OptionalInt.empty());
  }

  private static String diagnostics(Compilation compilation, Path folder) {
    var outcome =
        switch (compilation) {
          case Compilation.Compiled compiled -> "compiled";
          case Compilation.Erroneous erroneous -> "erroneous";
          case Compilation.Infeasible infeasible -> "infeasible";
        };
    return Stream.concat(
            Stream.of(outcome),
            compilation.diagnostics().stream().map((Diagnostic d) -> d.render(folder)))
        .map(text -> text.replace(CASES.toString(), "…"))
        .collect(Collectors.joining("\n", "", "\n"));
  }

  private static String placement(Placement placement) {
    var text = new StringBuilder();
    var stages = placement.stages().list();
    text.append("compute ")
        .append(
            stages.stream()
                .map(s -> stages.size() == 1 ? s.device() : s.layers() + " on " + s.device())
                .collect(Collectors.joining(", ")))
        .append('\n');
    text.append("batch ").append(placement.batch()).append('\n');
    text.append("prefetch ").append(placement.prefetch()).append('\n');
    for (var waiting : placement.activations()) {
      text.append("waiting on %s: %d%n".formatted(waiting.device(), waiting.microBatches()));
    }
    for (var share : placement.shares()) {
      text.append(
          String.format(
              Locale.ROOT,
              "share %s on %s: asked %s, planned %.4f, realised %.4f, %d bytes%n",
              share.what(),
              share.device(),
              share.asked(),
              share.planned(),
              share.realised(),
              share.bytes()));
    }
    for (var busy : placement.busy()) {
      text.append(
          String.format(
              Locale.ROOT, "busy %s %s: %.4g s%n", busy.phase(), busy.resource(), busy.seconds()));
    }
    for (var price : placement.prices()) {
      text.append(
          String.format(
              Locale.ROOT,
              "price %s: %.4g s per %s %s%n",
              price.row(),
              price.secondsPerUnit(),
              price.unit(),
              price.sources().stream().map(s -> s.text()).toList()));
    }
    return text.toString();
  }
}
