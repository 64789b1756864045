package dev.stowage.maven;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Element;

/** Reports are XML that counts right, whatever tests are named and say. */
class SurefireReportTest {
  private static Element read(SurefireReport report) throws Exception {
    return DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new ByteArrayInputStream(report.xml().getBytes(StandardCharsets.UTF_8)))
        .getDocumentElement();
  }

  @Test
  void countsAndNamesTests() throws Exception {
    var answer =
        Answer.of(
            Map.of(
                "exit",
                5.0,
                "out",
                """
                {"schemaVersion":1,"diagnostics":[],"tests":[
                  {"name":"plan","passed":true,"message":"","seconds":0.5},
                  {"name":"<&\\"> \\u0001","passed":false,"message":"too slow\\nby 3 s","seconds":1.25,
                   "failures":[{"code":"SW601","severity":"error","file":"a.stow","line":3,"column":2,
                                "message":"too slow","related":[],"fixes":[{"title":"wait"}]}]}]}
                """),
            Path.of("/plans"));
    assertEquals(
        List.of("/plans/a.stow:[3,2] SW601 too slow"),
        answer.findings().stream().map(Finding::text).toList());
    assertEquals(List.of("fix: wait"), answer.findings().get(0).notes());
    var suite = read(SurefireReport.of("stowage.a", answer));
    assertEquals("2", suite.getAttribute("tests"));
    assertEquals("1", suite.getAttribute("failures"));
    assertEquals("1.750", suite.getAttribute("time"));
    var failed = (Element) suite.getElementsByTagName("testcase").item(1);
    assertEquals("<&\"> ?", failed.getAttribute("name"));
    var failure = (Element) failed.getElementsByTagName("failure").item(0);
    assertEquals("too slow", failure.getAttribute("message"));
    assertEquals("too slow\nby 3 s", failure.getTextContent());
  }

  @Test
  void aFileThatIsNoPlanIsATestThatFailed() throws Exception {
    var answer =
        Answer.of(Map.of("exit", 3.0, "out", "", "err", "stowage: no plan\n"), Path.of("/"));
    var suite = read(SurefireReport.of("stowage.a", answer));
    assertEquals("1", suite.getAttribute("failures"));
    assertEquals("no plan", suite.getElementsByTagName("failure").item(0).getTextContent());
  }
}
