package dev.stowage.dsl;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Whatever the text is, reading it ends soon, throws nothing, and laying it out loses nothing. */
class RobustnessTest {
  private static final long SEED = Long.getLong("stowage.seed", 20_26);
  private static final Path NOWHERE = Path.of("nowhere.stow");

  private static List<String> plans() throws IOException {
    var texts = new ArrayList<String>();
    for (String name : List.of("quickstart", "opt30b-t4", "opt175b-t4", "opt13b-csd")) {
      texts.add(Files.readString(PlansTest.plan(name)));
    }
    return texts;
  }

  /** Takes out, doubles, swaps or replaces some characters. */
  private static String mutate(String text, Random random) {
    var out = new StringBuilder(text);
    for (int i = 0, n = 1 + random.nextInt(4); i < n; i++) {
      int at = random.nextInt(out.length() - 8);
      int length = random.nextInt(8);
      switch (random.nextInt(4)) {
        case 0 -> out.delete(at, at + length);
        case 1 -> out.insert(at, out.substring(at, at + length));
        case 2 -> out.setCharAt(at, "{}()\"'.,%=<>-/*\n\0é9a".charAt(random.nextInt(20)));
        default -> out.insert(at, out.substring(random.nextInt(at + 1), at));
      }
    }
    return out.toString();
  }

  @Test
  void spoiledPlansAreReadWithoutThrowing() throws IOException {
    var random = new Random(SEED);
    List<String> plans = plans();
    for (int i = 0; i < 400; i++) {
      String text = mutate(plans.get(i % plans.size()), random);
      int round = i;
      Parsed parsed =
          assertDoesNotThrow(
              () -> StowParser.parse(text, NOWHERE),
              () -> "seed " + SEED + " round " + round + "\n" + text);
      for (Diagnostic one : parsed.diagnostics()) {
        assertTrue(
            one.span().offset() + one.span().length() <= text.length(),
            () -> "seed " + SEED + " round " + round + ": " + one);
      }
    }
  }

  @Test
  void layingOutASpoiledPlanKeepsItsWordsAndDoingItTwiceChangesNothing() throws IOException {
    var random = new Random(SEED + 1);
    List<String> plans = plans();
    int laidOut = 0;
    for (int i = 0; i < 400; i++) {
      String text = spoilBlanks(plans.get(i % plans.size()), random);
      Optional<String> once = StowParser.format(text);
      if (once.isPresent()) {
        laidOut++;
        String message = "seed " + SEED + " round " + i + "\n" + text;
        assertEquals(text.replaceAll("\\s", ""), once.get().replaceAll("\\s", ""), message);
        assertEquals(once, StowParser.format(once.get()), message);
      }
    }
    assertTrue(laidOut > 100, "only " + laidOut + " were laid out, seed " + SEED);
  }

  /** Takes out, adds or doubles blanks and newlines, outside of texts in quotes. */
  private static String spoilBlanks(String text, Random random) {
    var out = new StringBuilder();
    boolean quoted = false;
    for (char c : text.replaceAll("(?m)^///.*\n", "").toCharArray()) {
      quoted ^= c == '"';
      boolean blank = !quoted && (c == ' ' || c == '\n');
      switch (blank ? random.nextInt(8) : 7) {
        case 0 -> out.append(c).append(c);
        case 1 -> out.append(c).append("// said here\n");
        case 2 -> out.append(c).append(' ');
        case 3 -> out.append(c == '\n' ? "\n\n\n" : " /* and here */ ");
        default -> out.append(c);
      }
    }
    return out.toString();
  }

  @Test
  void garbageAlwaysHasADiagnostic() {
    var random = new Random(SEED + 2);
    for (int i = 0; i < 300; i++) {
      var text = new StringBuilder();
      for (int n = 1 + random.nextInt(200); n > 0; n--) {
        text.append((char) (33 + random.nextInt(600)));
      }
      text.append("§");
      int round = i;
      Parsed parsed =
          assertDoesNotThrow(
              () -> StowParser.parse(text.toString(), NOWHERE),
              () -> "seed " + SEED + " round " + round + "\n" + text);
      if (!text.toString().contains("//") && !text.toString().contains("/*")) {
        assertFalse(parsed.diagnostics().isEmpty(), "seed " + SEED + " round " + i + "\n" + text);
      }
    }
  }

  @Test
  void longAndDeepTextsEndInBoundedTime() {
    List<String> texts =
        List.of(
            "plan p\n" + "{".repeat(20_000),
            "plan p\nplatform x {" + " gpu g { memory 3 GiB }".repeat(3_000) + "}",
            "plan p\nplace { weights of " + "a.".repeat(20_000) + "b on c 100% }",
            "plan p\nparam x : count = " + "9".repeat(100_000),
            "plan p\n\"" + "x".repeat(100_000),
            "plan p\n/*" + "*".repeat(100_000),
            "plan p\nplatform x {" + " link a <-> b".repeat(3_000) + "}",
            "plan p\nplace {" + " weights on a b".repeat(3_000) + "}",
            "plan p\n" + "import \"lib:nvidia/t4\" ".repeat(5_000) + "maximize nothing",
            "plan " + "-".repeat(50_000));
    for (String text : texts) {
      Parsed parsed =
          assertTimeoutPreemptively(
              Duration.ofSeconds(20),
              () -> StowParser.parse(text, NOWHERE),
              () -> text.substring(0, 40));
      assertTrue(parsed.hasErrors(), () -> text.substring(0, 40));
      assertTrue(parsed.diagnostics().size() < 600);
    }
  }

  @Test
  void aSpoiledLineLeavesTheOthersReadable() {
    Parsed parsed =
        StowParser.parse(
            """
            plan p
            platform box {
              gpu t4 { memory 15 GiB }
              host ram { memory 3 GiB
              disk nvme { memory 1 TB }
            }
            place { weights on }
            schedule { order zig-zag }
            maximize throughput
            """,
            NOWHERE);

    assertTrue(parsed.hasErrors());
    assertTrue(
        parsed.root().getStatements().stream()
            .anyMatch(dev.stowage.dsl.script.Objective.class::isInstance),
        parsed.diagnostics()::toString);
  }

  @Test
  void whateverIsTooDeepTooLongOrNoTextIsOneClearErrorInBoundedTime() {
    String nested = "a[0].".repeat(60_000);
    List<String> texts =
        List.of(
            "plan p\nplace { weights of " + nested + "b on c 100% }",
            "plan p\n" + "variant v { ".repeat(30_000),
            "plan p\nmodel m = shape " + "a-".repeat(60_000) + "b",
            "plan p\nparam x : count = " + "9".repeat(1 << 20),
            "plan p\nparam x : count = 1" + "..1".repeat(50_000),
            "plan p\nworkload w { prompt 99999999999999999999999 tok }",
            "plan p\nimport \"" + "a".repeat(1 << 20) + ".stow\"",
            "plan p\n\0\0\0",
            "plan \ud800x",
            "plan p\nimport \"\udfff.stow\"",
            "plan p\n" + " ".repeat(1 << 20) + "place { weights on x 100% }",
            "plan p\nplace { weights on " + "x 1%, ".repeat(20_000) + "x 1% }",
            "plan p\nplace { weights of layers[" + "1,".repeat(20_000) + "9999999999] on x 1% }",
            "plan p\n// " + "é".repeat(1 << 20) + "\nmaximize nothing");
    for (String text : texts) {
      String start = text.substring(0, Math.min(40, text.length()));
      Parsed parsed =
          assertTimeoutPreemptively(
              Duration.ofSeconds(30), () -> StowParser.parse(text, NOWHERE), () -> start);
      assertTrue(parsed.diagnostics().size() < 600, start);
      for (Diagnostic one : parsed.diagnostics()) {
        assertTrue(one.message().length() < 2_000, () -> start + ": " + one.message().length());
      }
      assertDoesNotThrow(() -> StowParser.format(text), start);
    }
  }
}
