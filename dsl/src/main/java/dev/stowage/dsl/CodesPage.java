package dev.stowage.dsl;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The pages of all codes as one HTML page without links to elsewhere, for reading and for linking
 * to: {@code codes.html#SW301}. The build of this module writes it into its target folder.
 */
public final class CodesPage {
  private static final String FENCE = "```";
  private static final String HEAD =
      """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>Diagnostics of Stowage</title>
      <style>
      :root { color-scheme: light dark; }
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
      pre { overflow-x: auto; padding: .75rem; border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: 4px; }
      code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
      section { margin-top: 3rem; }
      </style>
      </head>
      <body>
      <h1>Diagnostics of Stowage</h1>
      """;

  private final StringBuilder out = new StringBuilder(HEAD);

  private CodesPage() {}

  /**
   * Writes the page; a half-written one is overwritten by the next build.
   *
   * @param args the file to write
   */
  public static void main(String[] args) throws IOException {
    Path file = Path.of(args[0]);
    Files.createDirectories(file.toAbsolutePath().getParent());
    Files.writeString(file, html(), StandardCharsets.UTF_8);
  }

  /** The page. */
  static String html() {
    return new CodesPage().print();
  }

  private String print() {
    out.append("<ul>\n");
    for (String code : Codes.all()) {
      out.append("<li><a href=\"#%s\">%s</a> %s</li>\n".formatted(code, code, inline(title(code))));
    }
    out.append("</ul>\n");
    for (String code : Codes.all()) {
      out.append("<section id=\"%s\">\n".formatted(code));
      section(Codes.page(code).orElseThrow().text());
      out.append("</section>\n");
    }
    return out.append("</body>\n</html>\n").toString();
  }

  private static String title(String code) {
    return Codes.page(code).orElseThrow().title();
  }

  /** Headings, paragraphs of one line, fences: what the pages are made of. */
  private void section(String text) {
    boolean fenced = false;
    for (String line : text.lines().toList()) {
      if (line.startsWith(FENCE)) {
        out.append(fenced ? "</pre>\n" : "<pre>");
        fenced = !fenced;
      } else if (fenced) {
        out.append(escaped(line)).append('\n');
      } else if (line.startsWith("## ")) {
        out.append("<h3>").append(inline(line.substring(3))).append("</h3>\n");
      } else if (line.startsWith("# ")) {
        out.append("<h2>").append(inline(line.substring(2))).append("</h2>\n");
      } else if (!line.isBlank()) {
        out.append("<p>").append(inline(line)).append("</p>\n");
      }
    }
  }

  private static String inline(String text) {
    return escaped(text).replaceAll("`([^`]+)`", "<code>$1</code>");
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
