package dev.stowage.dsl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What diagnostics say and offer; each rule has a test of its own in {@code rules}. */
class DiagnosticsTest {
  private static final String BOX =
      """
      plan p
      param some : percent = 20%
      param depth : count = 4 in 1..8
      platform box {
        gpu t4 { memory 15 GiB }
        host ram { memory 200 GiB }
        csd inst { memory 2 TB }
        link t4 <-> ram { rate 12 GB/s }
      }
      """;

  @Test
  void aFileSaysWhatItIs() {
    Marked.of("^^maximize throughput\n").expect("SW014");
  }

  @Test
  void anUnknownNameComesWithTheNearestOneAsAFix() {
    Diagnostic found = Marked.of(BOX + "place { weights on ^t5^ 100% }").expect("SW101");

    assertEquals("no device is called 't5': did you mean 't4'?", found.message());
    assertEquals(List.of("write 't4'"), found.fixes().stream().map(Fix::title).toList());
    assertEquals("t4", found.fixes().getFirst().edits().getFirst().newText());
  }

  @Test
  void aBareNumberComesWithTheUsualUnitsAsFixesThatMendIt() {
    Marked marked = Marked.of(BOX + "workload w { prompt ^512^ }");
    Diagnostic found = marked.expect("SW105");

    for (Fix fix : found.fixes()) {
      TextEdit edit = fix.edits().getFirst();
      String mended =
          new StringBuilder(marked.text())
              .replace(
                  edit.span().offset(), edit.span().offset() + edit.span().length(), edit.newText())
              .toString();
      assertEquals(List.of(), StowParser.parse(mended, Path.of("p.stow")).diagnostics());
    }
    assertEquals(List.of("write 512 tok"), found.fixes().stream().map(Fix::title).toList());
  }

  @Test
  void whatNarrowsToNothingCitesBothPlaces() {
    Diagnostic found =
        Marked.of(
                BOX
                    + "place { weights on t4 20%, ram rest }\n"
                    + "place { weights on ^t4 30%^, ram rest }")
            .expect("SW107");

    assertEquals(10, found.related().getFirst().span().line());
  }

  @Test
  void aDiagnosticPrintsPlaceCodeMessageAndFixes() {
    Diagnostic found = Marked.of(BOX + "place { weights on ^t5^ 100% }").expect("SW101");

    assertEquals(
        "marked.stow:10:20: error SW101: no device is called 't5': did you mean 't4'?\n"
            + "    fixes: write 't4'",
        found.render(Path.of("")));
  }

  @Test
  void theMessageOfEveryRuleIsOneLineWithoutTrailingPoint() {
    for (String source :
        List.of(BOX + "place { weights on t5 100% }", "plan p plan q", "plan p workload { a 3 }")) {
      for (Diagnostic one : StowParser.parse(source, Path.of("p.stow")).diagnostics()) {
        assertTrue(
            one.message().lines().count() == 1 && !one.message().endsWith("."), one::message);
      }
    }
  }
}
