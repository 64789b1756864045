package dev.stowage.cli.jinja;

import java.util.List;
import java.util.Map;

/** A template that was read, to be rendered any number of times, by any thread. */
public final class Template {
  private static final int LONGEST = 1 << 20;

  private final List<Node> nodes;

  private Template(List<Node> nodes) {
    this.nodes = nodes;
  }

  /**
   * Reads a template.
   *
   * @throws TemplateException if it is not one, or uses what is not known here
   */
  public static Template parse(String text) {
    if (text.length() > LONGEST) {
      throw new TemplateException("the template has more than %d characters".formatted(LONGEST));
    }
    return new Template(new Parser(Lexer.cut(text)).template());
  }

  /**
   * Renders the template.
   *
   * @param variables texts, whole numbers, truth values, lists and maps of such; null for none
   * @throws TemplateException if it fails, or does not end soon
   */
  public String render(Map<String, Object> variables) {
    var scope = Scope.of(variables);
    for (var node : nodes) {
      node.write(scope);
    }
    return scope.written();
  }
}
