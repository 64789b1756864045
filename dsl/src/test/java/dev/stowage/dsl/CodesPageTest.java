package dev.stowage.dsl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.StringReader;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.xml.sax.InputSource;

class CodesPageTest {
  @Test
  void everyCodeIsListedAndHasASectionWithItsExamples() throws Exception {
    String html = CodesPage.html();
    for (String code : Codes.all()) {
      assertTrue(html.contains("<a href=\"#" + code + "\">"), code);
      assertTrue(html.contains("<section id=\"" + code + "\">\n<h2>" + code + " "), code);
    }
    // well formed but for the three elements of the head that HTML leaves open
    var xml = html.substring(html.indexOf("<body>"), html.indexOf("</html>"));
    var body =
        DocumentBuilderFactory.newDefaultInstance()
            .newDocumentBuilder()
            .parse(new InputSource(new StringReader(xml)));
    assertEquals(Codes.all().size(), body.getElementsByTagName("section").getLength());
    long examples =
        Codes.all().stream()
            .map(code -> Codes.page(code).orElseThrow())
            .mapToLong(page -> page.bad().stream().count() + page.good().stream().count())
            .sum();
    assertTrue(body.getElementsByTagName("pre").getLength() >= examples);
  }
}
