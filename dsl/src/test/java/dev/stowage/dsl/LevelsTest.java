package dev.stowage.dsl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LevelsTest {
  private static final String IMPORT = "import \"lib:nvidia/t4\"";

  @TempDir private Path folder;
  private Path source;

  @BeforeEach
  void makeFolders() throws IOException {
    source = Files.createDirectories(folder.resolve("a/b")).resolve("p.stow");
  }

  private List<String> levelled(String text, boolean complete) {
    Parsed parsed = StowParser.parse(text, source);
    return Levels.apply(parsed.diagnostics(), parsed.root(), source, complete).stream()
        .map(one -> one.severity() + " " + one.code() + " line " + one.span().line())
        .toList();
  }

  private void levels(String text) throws IOException {
    Files.writeString(folder.resolve(Levels.FILE), text);
  }

  @Test
  void withoutAFileEveryDiagnosticKeepsItsLevel() {
    assertEquals(List.of("WARNING SW422 line 2"), levelled("plan p\n" + IMPORT + "\n", true));
  }

  @ParameterizedTest
  @CsvSource({
    "SW422 = error, ERROR SW422 line 2",
    "SW4=error, ERROR SW422 line 2",
    "'SW4 = off\nSW422 = error', ERROR SW422 line 2",
    "'# no\n\n SW422 = WARNING', WARNING SW422 line 2",
  })
  void aFileAboveTheSourceSaysHowMuchACodeOrFamilyMatters(String levels, String expected)
      throws IOException {
    levels(levels);
    assertEquals(List.of(expected), levelled("plan p\n" + IMPORT + "\n", true));
  }

  @Test
  void offSilencesAndTheNearestFileCounts() throws IOException {
    levels("SW422 = error");
    Files.writeString(source.resolveSibling(Levels.FILE), "SW422 = off");
    assertEquals(List.of(), levelled("plan p\n" + IMPORT + "\n", true));
  }

  @ParameterizedTest
  @CsvSource({
    "SW999 = off",
    "SW42 = off",
    "SW4 = quiet",
    "SW4",
    "SW101 = warning",
    "SW3 = off",
    "SW701 = off",
    "'SW4 = off\nSW4 = off'",
    "nonsense"
  })
  void aLineThatMeansNothingIsToldWithItsPlace(String line) throws IOException {
    levels("# levels\n" + line);
    Parsed parsed = StowParser.parse("plan p\n", source);
    List<Diagnostic> found = Levels.apply(parsed.diagnostics(), parsed.root(), source, true);
    if (line.startsWith("SW4 = off")) {
      assertEquals(List.of(), found, "SW492 is of the family that is off");
      return;
    }
    assertEquals(1, found.size(), found::toString);
    assertEquals("SW492", found.getFirst().code());
    assertEquals(2, found.getFirst().span().line());
    assertTrue(found.getFirst().span().file().endsWith(Levels.FILE));
  }

  @Test
  void errorsOfTheLanguageCannotBeLowered() throws IOException {
    levels("SW1 = off");
    List<String> left = levelled("plan p\nplace { weights on gone 100% }\n", true);
    assertTrue(left.contains("ERROR SW101 line 2"), left::toString);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        IMPORT + " // stowage:allow SW422 because it comes",
        "// stowage:allow SW422 because it comes\n" + IMPORT,
        "// stowage:allow SW421, SW422 because it comes\n// and more\n\n" + IMPORT,
      })
  void aCommentAtTheLineOrRightAboveAllowsAWarning(String lines) {
    List<String> left = levelled("plan p\n" + lines + "\n", true);
    assertTrue(left.stream().noneMatch(one -> one.contains("SW422")), left::toString);
    assertEquals(lines.contains("SW421") ? 1 : 0, left.size(), left::toString);
  }

  @Test
  void anAllowanceWithoutUseIsTold() {
    String text = "plan p\n// stowage:allow SW402 because\n//\n// stowage:allow SW402 because x\n";
    assertEquals(List.of("WARNING SW491 line 2", "WARNING SW490 line 4"), levelled(text, true));
    assertEquals(List.of("WARNING SW491 line 2"), levelled(text, false));
  }

  @Test
  void anErrorIsNotAllowed() {
    List<String> left =
        levelled(
            "plan p\nplace { weights on gone 100% } // stowage:allow SW101 because I say so\n",
            true);
    assertEquals(List.of("ERROR SW101 line 2", "WARNING SW491 line 2"), left);
  }

  @Test
  void whatLooksLikeAnAllowanceInsideAnImportsTextIsNone() {
    assertEquals(
        List.of("ERROR SW111 line 2"),
        levelled("plan p\nimport \"// stowage:allow SW422 because x.stow\"\n", true));
  }
}
