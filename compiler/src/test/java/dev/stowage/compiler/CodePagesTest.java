package dev.stowage.compiler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.dsl.Codes;
import dev.stowage.dsl.Diagnostic;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every code that anything raises has a page, every page a code, and its examples are true. A page
 * that is missing is written as {@code dsl/src/main/resources/dev/stowage/dsl/codes/SWxxx.md} and
 * listed in {@code index} beside it.
 */
class CodePagesTest {
  private static final Pattern CODE = Pattern.compile("\"(SW[0-9]{3})\"");
  private static final List<Path> SOURCES =
      List.of(Path.of("../dsl/src/main/java"), Path.of("src/main/java"));

  /** Raised by a command line, by other files or bytes, or by no text known to raise it. */
  private static final Set<String> WITHOUT_EXAMPLE =
      Set.of(
          "SW001", "SW002", "SW003", "SW015", "SW112", "SW113", "SW130", "SW131", "SW132", "SW133",
          "SW137", "SW138", "SW304", "SW492", "SW602", "SW603", "SW605", "SW607", "SW608");

  @TempDir private Path folder;

  @Test
  void everyCodeThatTheSourcesNameHasAPageAndTheOtherWayRound() throws IOException {
    var raised = new TreeSet<String>();
    for (Path root : SOURCES) {
      try (var files = Files.walk(root)) {
        for (Path file : files.filter(one -> one.toString().endsWith(".java")).toList()) {
          var found = CODE.matcher(Files.readString(file));
          while (found.find()) {
            raised.add(found.group(1));
          }
        }
      }
    }
    assertEquals(List.copyOf(raised), Codes.all());
  }

  static Stream<String> codes() {
    return Codes.all().stream();
  }

  @ParameterizedTest
  @MethodSource("codes")
  void theExampleRaisesItsCodeAndTheMendedOneDoesNot(String code) {
    Codes.Page page = Codes.page(code).orElseThrow();
    assertEquals(WITHOUT_EXAMPLE.contains(code), page.bad().isEmpty(), "has no example: " + code);
    page.bad().ifPresent(text -> assertTrue(raises(text, code), text));
    page.good().ifPresent(text -> assertTrue(!raises(text, code), text));
  }

  /** One code takes a review, which would be long for all of them. */
  private boolean raises(String text, String code) {
    var file = folder.resolve("p.stow");
    var compilation =
        code.equals(Idle.CODE)
            ? Compiler.review(text, file, Settings.none())
            : Compiler.compile(text, file, Settings.none());
    return compilation.diagnostics().stream().map(Diagnostic::code).anyMatch(code::equals);
  }
}
