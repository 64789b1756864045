package dev.stowage.dsl;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The codes of all diagnostics of the product, each with a page of documentation: what it means,
 * why it matters, an example that raises it, the same mended. The pages are resources, {@code
 * codes/SW301.md} and so on; {@code codes/index} lists them.
 */
public final class Codes {
  private static final String FOLDER = "/dev/stowage/dsl/codes/";
  private static final String FENCE = "```";

  private Codes() {}

  /**
   * One page.
   *
   * @param text the whole page, in Markdown
   * @param title what the code says in a few words
   * @param bad a source that raises it; empty where only a command line or a file's bytes do
   * @param good the same without the mistake; empty where {@code bad} is
   */
  public record Page(
      String code, String title, String text, Optional<String> bad, Optional<String> good) {
    /** Where this page lies: in a jar, as a rule. */
    public String address() {
      return String.valueOf(Codes.class.getResource(FOLDER + code + ".md"));
    }
  }

  /** Every code, in order. */
  public static List<String> all() {
    return List.copyOf(Pages.BY_CODE.keySet());
  }

  /** The page of a code. */
  public static Optional<Page> page(String code) {
    return Optional.ofNullable(Pages.BY_CODE.get(code));
  }

  private static Page read(String code) {
    String text = resource(code + ".md");
    String title = text.substring(text.indexOf(' ', 2) + 1, text.indexOf('\n')).strip();
    List<String> sources = sources(text);
    return new Page(
        code,
        title,
        text,
        sources.isEmpty() ? Optional.empty() : Optional.of(sources.getFirst()),
        sources.size() < 2 ? Optional.empty() : Optional.of(sources.get(1)));
  }

  /** What stands in fences that say {@code stow}. */
  private static List<String> sources(String text) {
    var sources = new ArrayList<String>();
    StringBuilder open = null;
    for (String line : text.lines().toList()) {
      if (open == null && line.equals(FENCE + "stow")) {
        open = new StringBuilder();
      } else if (open != null && line.equals(FENCE)) {
        sources.add(open.toString());
        open = null;
      } else if (open != null) {
        open.append(line).append('\n');
      }
    }
    return sources;
  }

  private static String resource(String name) {
    try (InputStream in = Codes.class.getResourceAsStream(FOLDER + name)) {
      if (in == null) {
        throw new IllegalStateException("the product lacks its page " + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Read once, when somebody asks. */
  private static final class Pages {
    static final Map<String, Page> BY_CODE = readAll();

    private static Map<String, Page> readAll() {
      var pages = new TreeMap<String, Page>();
      resource("index").lines().filter(code -> !code.isBlank()).forEach(c -> pages.put(c, read(c)));
      return pages;
    }
  }
}
