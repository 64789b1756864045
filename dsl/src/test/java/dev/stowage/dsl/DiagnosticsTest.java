package dev.stowage.dsl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** One rule, one marked source: the code, and exactly the text that it is about. */
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

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        // names
        "SW101 | place { weights on ^t5^ 100% }",
        "SW101 | place { weights on t4 ^sum^, ram rest }",
        "SW101 | test \"x\" on ^gone^ { expect infeasible }",
        "SW101 | platform more { gpu g = ^nvidia.T4^ }",
        "SW102 | param ^some^ : time = 1 s",
        "SW102 | platform more { host ^t4^ }",
        "SW102 | variant v { some = 10% } variant ^v^ { some = 30% }",
        "SW103 | platform more { gpu g { ^memori^ 3 GiB } }",
        "SW103 | platform more { gpu g { ^emulated^ } }",
        "SW103 | platform more { host h2 { ^read^ 3 GB/s } }",
        "SW103 | workload w { ^promt^ 3 tok }",
        "SW103 | param x : ^tiem^",
        "SW103 | maximize ^troughput^",
        "SW103 | schedule { order ^zigzag^ }",
        "SW103 | schedule { kv ^write-bak^ every 16 tok }",
        "SW103 | approximate within ^perplexiti^ +1% { kv 4-bit }",
        "SW103 | approximate within perplexity +1% { attention decode on t4 sparse ^top^ 1/8 }",
        "SW103 | model m = shape opt-13b { dtype ^fp17^ }",
        "SW103 | place { weights of ^embedding^ on t4 100% }",
        "SW103 | place { weights of layers[*].^atn^ on t4 100% }",
        "SW103 | place { weights of layers[*].attn.^up^ on t4 100% }",
        "SW103 | test \"x\" with { t4.^memry^ = 3 GiB } { expect infeasible }",
        "SW104 | platform more { gpu g { memory 3 GiB ^memory 4 GiB^ } }",
        // types and units
        "SW105 | platform more { gpu g { memory ^16^ } }",
        "SW105 | workload w { prompt ^512^ }",
        "SW105 | place { weights on t4 ^20^, ram rest }",
        "SW105 | expect throughput(predicted) >= ^1.0^",
        "SW105 | schedule { prefetch ^2^ }",
        "SW106 | platform more { gpu g { memory ^16 GB/s^ } }",
        "SW106 | workload w { batch ^3 tok^ }",
        "SW106 | platform more { gpu g { memory ^some^ } }",
        "SW106 | platform more { disk d { path ^3 GiB^ } }",
        "SW106 | platform more { disk d { read ^\"fast\"^ } }",
        "SW106 | maximize throughput subject to { peak(t4) <= ^3 s^ }",
        "SW106 | test \"x\" with { some = ^3 GiB^ } { expect infeasible }",
        // values
        "SW107 | param x : count = auto in ^9..3^",
        "SW107 | param x : count = auto in 1..3 step ^0^",
        "SW107 | param x : count = ^9^ in 1..8",
        "SW107 | variant v { depth = ^9^ }",
        "SW107 | place { weights on t4 20%, ram rest weights on ^t4 >= 30%^, ram rest }",
        "SW107 | place { ^weights on t4 60%, ram >= 50%^ }",
        "SW107 | place { ^weights on t4 some, ram 30%^ }",
        "SW107 | place { weights of layers[^5..3^] on t4 100% }",
        "SW108 | approximate within perplexity +1% { kv ^0^-bit }",
        "SW108 | approximate within perplexity +1% { attention decode on t4 sparse top-k ^9/8^ }",
        "SW108 | place { activations of ^head^ on t4 100% }",
        "SW108 | place { weights of ^head[0]^ on t4 100% }",
        "SW108 | test \"x\" with { ^t4 = 3 GiB^ } { expect infeasible }",
        "SW120 | workload w { prompt ^p50 900 tok p95 200 tok max 2000 tok^ }",
        "SW120 | workload w { prompt ^p95 200 tok^ }",
        "SW121 | platform more { gpu g { memory 3 GiB measured ^2026-02-30^ } }",
        // imports
        "SW110 | import ^\"lib:nvidia/t5\"^",
        "SW111 | import ^\"gone.stow\"^",
        "SW111 | import ^\"http://example.com/a.stow\"^",
        "SW111 | import ^\"/etc/passwd\"^",
        // statements
        "SW114 | ^override^ place { weights on t4 100% }",
        "SW115 | model m = hf \"a\" ^model n = hf \"b\"^",
        "SW115 | maximize throughput ^minimize latency(block)^",
        "SW117 | import \"lib:generic/host\" platform more { gpu g = ^generic.DDR4^ }",
        "SW118 | platform more { link t4 <-> ^t4^ }",
        "SW119 | maximize ^peak^",
        "SW119 | expect ^share(t4)^ >= 3%",
        "SW122 | device gpu A = ^A^ { }",
      })
  void aRuleMarksWhatItIsAbout(String code, String statement) {
    Marked.of(BOX + statement).expect(code);
  }

  @Test
  void aLibraryHoldsHardwareOnly() {
    Marked.of("library l\n^maximize throughput^\n").expect("SW116");
  }

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
