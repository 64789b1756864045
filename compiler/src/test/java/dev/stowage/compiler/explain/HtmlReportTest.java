package dev.stowage.compiler.explain;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import java.io.StringReader;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.xml.sax.InputSource;

class HtmlReportTest {
  private static final Path BASELINES = Path.of("src/test/resources/baselines").toAbsolutePath();
  private static final Path STRUCTURE =
      Path.of("src/test/resources/dev/stowage/compiler/explain/report.structure").toAbsolutePath();
  private static final Measured RUN =
      new Measured(8, 64, 63, 1.25, 1.125, 2.5, 7.5, 25.25, 17.5, "vector", true, List.of());

  static Stream<Path> plans() {
    return Stream.of("opt30b-t4", "opt13b-csd", "quickstart", "split-three-ways", "small-host")
        .map(name -> BASELINES.resolve(name).resolve("main.stow"));
  }

  private static Explanation explained(Compilation compilation) {
    if (compilation instanceof Compilation.Compiled compiled) {
      return Explanation.of(compiled)
          .with(Simulation.of(compiled.plan(), compiled.schedule()).orElseThrow())
          .with(RUN);
    }
    throw new AssertionError(compilation.diagnostics().toString());
  }

  private static Explanation explained(Path plan) {
    return explained(Compiler.compile(plan, Settings.none()));
  }

  private static Document parsed(String html) throws Exception {
    var documents = DocumentBuilderFactory.newInstance();
    documents.setExpandEntityReferences(false);
    var builder = documents.newDocumentBuilder();
    builder.setErrorHandler(null);
    return builder.parse(new InputSource(new StringReader(html)));
  }

  private static List<Element> all(Document page, String tag) {
    var nodes = page.getElementsByTagName(tag);
    var elements = new ArrayList<Element>();
    for (int i = 0; i < nodes.getLength(); i++) {
      elements.add((Element) nodes.item(i));
    }
    return elements;
  }

  @ParameterizedTest
  @MethodSource("plans")
  void everyNumberOnThePageIsOneOfTheExplanation(Path plan) throws Exception {
    var explained = explained(plan);
    var known = new TreeSet<BigDecimal>();
    numbers(JsonReport.render(explained), known);
    known.add(new BigDecimal(explained.solution().orElseThrow().candidates().size()));
    var page = parsed(HtmlReport.render(explained));
    int shown = 0;
    for (var data : all(page, "data")) {
      var value = new BigDecimal(data.getAttribute("value"));
      assertTrue(known.contains(value), data.getTextContent() + " is " + value);
      shown++;
    }
    assertTrue(shown > 60, shown + " numbers");
    for (var cell : all(page, "td")) {
      if (cell.getAttribute("class").equals("number")) {
        assertEquals(1, cell.getElementsByTagName("data").getLength(), cell.getTextContent());
      }
    }
  }

  private static void numbers(JsonNode node, Set<BigDecimal> known) {
    if (node.isNumber()) {
      known.add(new BigDecimal(Html.exact(node.doubleValue())));
    }
    node.forEach(child -> numbers(child, known));
  }

  @ParameterizedTest
  @MethodSource("plans")
  void aTableSaysWhatEveryPictureShowsAndPicturesHaveNames(Path plan) throws Exception {
    var page = parsed(HtmlReport.render(explained(plan)));
    for (var picture : all(page, "svg")) {
      boolean named = !picture.getAttribute("aria-label").isBlank();
      boolean hidden = picture.getAttribute("aria-hidden").equals("true");
      assertTrue(named != hidden, picture.getAttribute("class"));
    }
    for (var table : all(page, "table")) {
      assertEquals(1, table.getElementsByTagName("caption").getLength());
      int columns =
          ((Element) table.getElementsByTagName("thead").item(0))
              .getElementsByTagName("th")
              .getLength();
      var rows = ((Element) table.getElementsByTagName("tbody").item(0)).getElementsByTagName("tr");
      assertTrue(rows.getLength() > 0);
      for (int i = 0; i < rows.getLength(); i++) {
        var row = (Element) rows.item(i);
        assertEquals(
            columns,
            row.getElementsByTagName("td").getLength() + row.getElementsByTagName("th").getLength(),
            row.getTextContent());
      }
    }
  }

  @Test
  void nothingIsFetchedAndNothingIsAScript() {
    for (var plan : plans().toList()) {
      var html = HtmlReport.render(explained(plan));
      for (var word :
          List.of("<script", "<link", "<img", "<iframe", "src=", "url(", "@import", "href=")) {
        assertFalse(html.contains(word), word);
      }
      assertTrue(
          html.contains("default-src 'none'") || html.contains("default-src &#39;none&#39;"));
    }
  }

  @Test
  void theSamePlanGivesTheSameBytes() {
    var plan = plans().findFirst().orElseThrow();
    assertEquals(HtmlReport.render(explained(plan)), HtmlReport.render(explained(plan)));
  }

  /** Headings, tables and their columns, in order. Rewritten with the other baselines. */
  @Test
  void thePageKeepsItsStructure() throws Exception {
    var page = parsed(HtmlReport.render(explained(plans().findFirst().orElseThrow())));
    var lines = new StringBuilder();
    for (var section : all(page, "section")) {
      var title = section.getElementsByTagName("h2").item(0);
      lines.append(title == null ? "figures" : title.getTextContent()).append('\n');
      var tables = section.getElementsByTagName("table");
      for (int i = 0; i < tables.getLength(); i++) {
        var heads =
            ((Element) ((Element) tables.item(i)).getElementsByTagName("thead").item(0))
                .getElementsByTagName("th");
        var names = new ArrayList<String>();
        for (int h = 0; h < heads.getLength(); h++) {
          names.add(heads.item(h).getTextContent());
        }
        lines.append("  ").append(String.join(" | ", names)).append('\n');
      }
    }
    if ("rewrite".equals(System.getProperty("stowage.baselines"))) {
      Files.createDirectories(STRUCTURE.getParent());
      Files.writeString(STRUCTURE, lines);
    }
    assertEquals(Files.readString(STRUCTURE), lines.toString());
  }

  @Test
  void hostileNamesStayText() throws Exception {
    var hostile = "<script>alert(1)</script>\"'&\u202e\u0000\ud800 " + "long".repeat(5000);
    var plain = explained(plans().findFirst().orElseThrow());
    var model = plain.model();
    var named =
        new Explanation(
            hostile,
            new Explanation.Model(
                hostile, false, model.layers(), model.weightBytes(), hostile, hostile),
            plain.batch(),
            plain.shares(),
            plain.devices(),
            plain.processBytes(),
            plain.links(),
            plain.layers(),
            new Explanation.Timing(hostile, 1, List.of(hostile), Optional.empty()),
            plain.predicted(),
            List.of(new Explanation.Note("warning", hostile, hostile, 1, hostile)),
            plain.solution(),
            plain.simulation(),
            plain.measured());
    var html = HtmlReport.render(named);
    assertFalse(html.contains("<script"));
    assertFalse(html.contains("\u202e") || html.contains("\u0000"));
    var title = all(parsed(html), "h1").getFirst().getTextContent();
    assertTrue(
        title.startsWith("<script>alert(1)</script>\"'&\ufffd\ufffd\ufffd long"),
        title.substring(0, 60));
  }

  @Test
  void aBarePlanSaysLessAndSaysSo() throws Exception {
    var compilation = Compiler.compile(plans().findFirst().orElseThrow(), Settings.none());
    if (compilation instanceof Compilation.Compiled compiled) {
      var bare = Explanation.of(compiled.plan(), compiled.schedule());
      var whole = Explanation.of(compiled);
      assertEquals(whole.devices(), bare.devices());
      assertEquals(whole.layers(), bare.layers());
      var text = parsed(HtmlReport.render(bare)).getDocumentElement().getTextContent();
      assertTrue(text.contains("what only compiling knows is left out"), text);
      assertFalse(text.contains("What limits the plan"));
    } else {
      throw new AssertionError(compilation.diagnostics().toString());
    }
  }
}
