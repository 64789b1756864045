package dev.stowage.maven;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The tests of one plan in the form in which Surefire reports a class's.
 *
 * @param suite stands for the class
 */
record SurefireReport(String suite, List<Case> cases) {
  /**
   * One test.
   *
   * @param failure what was not as expected; empty where it passed
   * @param seconds how long it took
   */
  record Case(String name, String failure, double seconds) {}

  SurefireReport {
    cases = List.copyOf(cases);
  }

  /** What {@code stowage test --format json} says; a plan that is no plan is a test that failed. */
  static SurefireReport of(String suite, Answer answer) {
    var cases = new ArrayList<Case>();
    if (answer.out().startsWith("{")) {
      for (var element : Json.array(Json.object(Json.read(answer.out())).get("tests"))) {
        var test = Json.object(element);
        boolean passed = Boolean.TRUE.equals(test.get("passed"));
        String message = Json.text(test, "message");
        cases.add(
            new Case(
                Json.text(test, "name"),
                passed ? "" : message.isEmpty() ? "not as expected" : message,
                Json.number(test, "seconds")));
      }
    }
    if (cases.isEmpty() && answer.exit() != Answer.GOOD) {
      var said = new ArrayList<>(answer.findings().stream().map(Finding::text).toList());
      said.addAll(answer.words());
      cases.add(new Case("is a plan", String.join("\n", said), 0));
    }
    return new SurefireReport(suite, cases);
  }

  void write(Path file) throws IOException {
    Files.createDirectories(file.getParent());
    var written = Files.createTempFile(file.getParent(), "report", ".new");
    Files.writeString(written, xml());
    Files.move(written, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
  }

  String xml() {
    long failures = cases.stream().filter(test -> !test.failure().isEmpty()).count();
    var xml = new StringBuilder("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml.append(
        String.format(
            Locale.ROOT,
            "<testsuite name=\"%s\" time=\"%.3f\" tests=\"%d\" errors=\"0\" skipped=\"0\" failures=\"%d\">%n",
            escaped(suite),
            cases.stream().mapToDouble(Case::seconds).sum(),
            cases.size(),
            failures));
    for (var test : cases) {
      xml.append(
          String.format(
              Locale.ROOT,
              "  <testcase name=\"%s\" classname=\"%s\" time=\"%.3f\"",
              escaped(test.name()),
              escaped(suite),
              test.seconds()));
      if (test.failure().isEmpty()) {
        xml.append("/>\n");
      } else {
        String first = test.failure().lines().findFirst().orElse("");
        xml.append(">\n    <failure message=\"").append(escaped(first)).append("\">");
        xml.append(escaped(test.failure())).append("</failure>\n  </testcase>\n");
      }
    }
    return xml.append("</testsuite>\n").toString();
  }

  /** Without what XML has no place for. */
  private static String escaped(String text) {
    var out = new StringBuilder();
    text.codePoints()
        .forEach(
            c -> {
              switch (c) {
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '&' -> out.append("&amp;");
                case '"' -> out.append("&quot;");
                case '\n', '\t' -> out.append("&#").append(c).append(';');
                default -> {
                  boolean allowed = c >= ' ' && !(c >= 0xD800 && c < 0xE000) && c < 0xFFFE;
                  out.appendCodePoint(allowed || c >= 0x10000 ? c : '?');
                }
              }
            });
    return out.toString();
  }
}
