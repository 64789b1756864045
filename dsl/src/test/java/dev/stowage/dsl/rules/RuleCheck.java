package dev.stowage.dsl.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Marked;
import dev.stowage.dsl.Parsed;
import dev.stowage.dsl.StowParser;
import dev.stowage.dsl.script.Script;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Holds one rule against one source, by itself and among all others. */
final class RuleCheck {
  /** What most sources start with: a plan with some devices and params. */
  static final String BOX =
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

  private RuleCheck() {}

  /**
   * Asserts that a source has one diagnostic, at its {@code ^mark^}, and that this rule, which is
   * on the list, is the one that reports it.
   */
  static void raises(Rule rule, String code, String source) {
    Marked marked = Marked.of(source);
    Diagnostic found = marked.expect(code);
    Script script = StowParser.parse(marked.text(), Path.of("marked.stow")).root();
    assertEquals(List.of(found), found(List.of(rule), script), marked::text);
    assertEquals(
        List.of(),
        found(
                Rules.ALL.stream().filter(other -> other.getClass() != rule.getClass()).toList(),
                script)
            .stream()
            .filter(found::equals)
            .toList(),
        "no other rule reports the same");
  }

  /** Asserts that a source is without errors, and that this rule reports nothing of it. */
  static void passes(Rule rule, String source) {
    Parsed parsed = StowParser.parse(source, Path.of("fine.stow"));
    assertEquals(
        List.of(), parsed.diagnostics().stream().filter(Diagnostic::isError).toList(), source);
    assertEquals(List.of(), found(List.of(rule), parsed.root()), source);
  }

  /** The codes that a rule reports. */
  static List<String> codes(Rule rule, Script script) {
    return found(List.of(rule), script).stream().map(Diagnostic::code).toList();
  }

  private static List<Diagnostic> found(List<Rule> rules, Script script) {
    List<Diagnostic> found = new ArrayList<>();
    ScriptTree.of(script).check(rules, found::add);
    return found;
  }
}
