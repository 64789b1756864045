package dev.stowage.dsl.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Parsed;
import dev.stowage.dsl.StowParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImportsRunInNoCircleTest {
  @TempDir private Path folder;

  private Parsed parsed(String name, String text) throws IOException {
    return StowParser.parse(Files.writeString(folder.resolve(name), text));
  }

  private static List<String> codes(Parsed parsed) {
    return parsed.diagnostics().stream().map(Diagnostic::code).toList();
  }

  @Test
  void aCircleIsNamedAndEnds() throws IOException {
    Files.writeString(folder.resolve("b.stow"), "library b\nimport \"a.stow\"\n");
    Parsed plan = parsed("a.stow", "plan a\nimport \"b.stow\"\n");

    assertTrue(codes(plan).contains("SW112"), () -> codes(plan).toString());
    assertEquals(List.of("SW112"), RuleCheck.codes(new ImportsRunInNoCircle(), plan.root()));
  }

  @Test
  void aFileThatImportsItselfIsACircle() throws IOException {
    assertEquals(List.of("SW112"), codes(parsed("a.stow", "plan a\nimport \"a.stow\"\n")));
  }

  @Test
  void twoWaysToOneFileAreNoCircle() throws IOException {
    Files.writeString(folder.resolve("c.stow"), "library c\n");
    Files.writeString(folder.resolve("b.stow"), "library b\nimport \"c.stow\"\n");
    Parsed plan = parsed("a.stow", "plan a\nimport \"b.stow\"\nimport \"c.stow\"\n");

    assertEquals(List.of(), RuleCheck.codes(new ImportsRunInNoCircle(), plan.root()));
  }
}
