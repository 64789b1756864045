package dev.stowage.compiler.lock;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LockFileTest {
  private static final String PLAN =
      """
      plan small
      import "machine.stow"
      platform here {
        host ram = mine.Ram { memory %s }
        disk ssd { memory 200 GiB  path "ssd" }
      }
      model m = shape opt-1.3b
      workload w { prompt 64 tok  generate 16 tok  batch 8 }
      maximize throughput
      """;

  @TempDir Path folder;

  private Path write(String name, String memory) throws IOException {
    Files.createDirectories(folder.resolve(name));
    Files.writeString(
        folder.resolve(name).resolve("machine.stow"),
        "library mine\ndevice host Ram { memory 512 MiB }\n");
    return Files.writeString(folder.resolve(name).resolve("plan.stow"), PLAN.formatted(memory));
  }

  private static Decisions decided(Path source) throws IOException {
    var compilation = Compiler.compile(source, Settings.none());
    if (compilation instanceof Compilation.Compiled compiled) {
      return Decisions.of(source, compiled);
    }
    throw new AssertionError(compilation.diagnostics().toString());
  }

  @Test
  void theSameInputGivesTheSameBytesInEveryFolder() throws IOException {
    var here = LockFile.empty().with("plan", decided(write("here", "4 GiB"))).text();
    var there = LockFile.empty().with("plan", decided(write("over there", "4 GiB"))).text();
    assertEquals(here, there);
    assertTrue(!here.contains(folder.toString()), here);
  }

  @Test
  void everyDecisionHasALineOfItsOwnAndLinesAreSorted() throws IOException {
    var decisions = decided(write("here", "2 GiB"));
    var text = LockFile.empty().with("plan", decisions).text();
    var lines =
        text.lines()
            .dropWhile(line -> !line.contains("\"decisions\""))
            .skip(1)
            .takeWhile(line -> line.startsWith("        "))
            .toList();
    assertEquals(decisions.decided().size(), lines.size());
    assertEquals(
        lines.stream().map(l -> l.replaceAll("\": .*", "")).sorted().toList(),
        lines.stream().map(l -> l.replaceAll("\": .*", "")).toList());
    assertTrue(text.contains("\"share of weights on ram, asked\": \"auto\""), text);
    assertTrue(text.contains("\"batch sequences\": 8"), text);
  }

  @Test
  void itNamesTheFilesItWasDecidedFromByDigest() throws IOException {
    var decisions = decided(write("here", "4 GiB"));
    assertEquals(List.of("machine.stow", "plan.stow"), List.copyOf(decisions.inputs().keySet()));
    decisions.inputs().values().forEach(d -> assertTrue(d.matches("[0-9a-f]{64}"), d));
    assertTrue(decisions.madeBy().get("solver").matches(".*[0-9]+\\.[0-9]+.*"));
  }

  @Test
  void aSmallerMachineIsToldDecisionByDecision() throws IOException {
    var was = decided(write("was", "4 GiB"));
    var now = decided(write("now", "1 GiB"));
    var differences = now.differencesFrom(was);
    var share =
        differences.stream()
            .filter(d -> d.name().equals("share of weights on ssd, realised"))
            .findFirst()
            .orElseThrow();
    assertEquals("auto", share.asked());
    assertTrue(Double.parseDouble("0" + share.was()) < Double.parseDouble(share.wouldBe()));
    assertTrue(differences.stream().noneMatch(d -> d.was().equals(d.wouldBe())));
    assertEquals(List.of("plan.stow"), now.inputsThatChanged(was));
    assertEquals(List.of(), was.differencesFrom(was));
  }

  @Test
  void anotherCommentChangesADigestAndNoDecision() throws IOException {
    var was = decided(write("was", "4 GiB"));
    var source = write("now", "4 GiB");
    Files.writeString(source, "// a remark\n" + Files.readString(source));
    var now = decided(source);
    assertEquals(List.of(), now.differencesFrom(was));
    assertEquals(List.of("plan.stow"), now.inputsThatChanged(was));
  }

  @Test
  void anEntryIsNamedByVariantAndSortedParameters() {
    assertEquals("plan", LockFile.key(Settings.none()));
    assertEquals(
        "variant csd a=1 b=2",
        LockFile.key(
            new Settings(Map.of("b", "2", "a", "1"), Optional.of("csd"), OptionalInt.empty())));
  }

  @Test
  void whatIsWrittenIsReadBack() throws Exception {
    long seed = 20261121;
    var random = new Random(seed);
    for (int i = 0; i < 200; i++) {
      var words = new TreeMap<String, String>();
      for (int w = random.nextInt(6); w > 0; w--) {
        words.put(word(random), word(random));
      }
      var lock =
          LockFile.empty()
              .with(word(random), new Decisions(words, new TreeMap<>(), words))
              .with("plan", new Decisions(new TreeMap<>(), words, words));
      var text = lock.text();
      assertEquals(lock, LockFile.parse(text), "seed " + seed + ": " + text);
      assertEquals(text, LockFile.parse(text).text(), "seed " + seed);
    }
  }

  private static String word(Random random) {
    return switch (random.nextInt(7)) {
      case 0 -> Long.toString(random.nextLong());
      case 1 -> Double.toString(random.nextDouble());
      case 2 -> "1.50";
      case 3 -> "-0";
      case 4 -> "007";
      case 5 -> "\"quoted\\\n\u0001\u202e";
      default -> "weights on ram " + random.nextInt(9);
    };
  }

  @Test
  void aDamagedFileIsRefusedInAFewWords() {
    for (var text :
        List.of(
            "",
            "[]",
            "{",
            "{\"schemaVersion\":1,\"entries\":{}}",
            "{\"schemaVersion\":2}",
            "{\"schemaVersion\":2,\"entries\":{\"plan\":5}}",
            "{\"schemaVersion\":2,\"entries\":{\"plan\":{\"inputs\":{},\"made_by\":{}}}}",
            "{\"schemaVersion\":2,\"entries\":{\"plan\":{\"inputs\":{\"a\":[]},\"made_by\":{},\"decisions\":{}}}}",
            "{\"schemaVersion\":2,\"entries\":{\"plan\":{\"inputs\":{\"a\":1e999999999},\"made_by\":{},\"decisions\":{}}}}",
            "{\"schemaVersion\":2,\"entries\":" + "{\"a\":".repeat(5000))) {
      var refused = assertThrows(LockFile.FormatException.class, () -> LockFile.parse(text), text);
      assertTrue(refused.getMessage().lines().count() == 1, refused.getMessage());
    }
  }
}
