package dev.stowage.runtime.tokenizer;

import dev.stowage.plan.model.ModelFormatException;
import java.text.Normalizer.Form;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Rewrites text before it is cut into pieces. */
sealed interface Normalizer {
  String normalize(String text);

  record None() implements Normalizer {
    @Override
    public String normalize(String text) {
      return text;
    }
  }

  record Prepend(String prefix) implements Normalizer {
    @Override
    public String normalize(String text) {
      return text.isEmpty() ? text : prefix + text;
    }
  }

  record Replace(TextPattern pattern, String content) implements Normalizer {
    @Override
    public String normalize(String text) {
      return pattern.replaceAll(text, content);
    }
  }

  record Compose(Form form) implements Normalizer {
    @Override
    public String normalize(String text) {
      return java.text.Normalizer.normalize(text, form);
    }
  }

  record Lowercase() implements Normalizer {
    @Override
    public String normalize(String text) {
      return text.toLowerCase(Locale.ROOT);
    }
  }

  record Strip(boolean left, boolean right) implements Normalizer {
    @Override
    public String normalize(String text) {
      int from = 0;
      int to = text.length();
      while (left && from < to && WhiteSpace.is(text.charAt(from))) {
        from++;
      }
      while (right && from < to && WhiteSpace.is(text.charAt(to - 1))) {
        to--;
      }
      return text.substring(from, to);
    }
  }

  record Sequence(List<Normalizer> steps) implements Normalizer {
    public Sequence {
      steps = List.copyOf(steps);
    }

    @Override
    public String normalize(String text) {
      String result = text;
      for (var step : steps) {
        result = step.normalize(result);
        if (result.length() > MOST_GROWTH * (text.length() + 1000L)) {
          throw new IllegalArgumentException("the tokenizer's normalizer inflates this text");
        }
      }
      return result;
    }
  }

  /** Longest replacement, and how much longer a text may become: files are untrusted. */
  int MOST_GROWTH = 64;

  static Normalizer read(Component component) throws ModelFormatException {
    String type = component.type();
    return switch (type) {
      case "Prepend" -> new Prepend(content(component, "prepend"));
      case "Replace" ->
          new Replace(TextPattern.read(component.child("pattern")), content(component, "content"));
      case "NFC", "NFD", "NFKC", "NFKD" -> new Compose(Form.valueOf(type));
      case "Lowercase" -> new Lowercase();
      case "Strip" ->
          new Strip(component.flag("strip_left", true), component.flag("strip_right", true));
      case "Sequence" -> {
        var steps = new ArrayList<Normalizer>();
        for (var step : component.children("normalizers")) {
          steps.add(read(step));
        }
        yield new Sequence(steps);
      }
      default -> throw component.unsupported("the normalizer " + type);
    };
  }

  private static String content(Component component, String key) throws ModelFormatException {
    String content = component.text(key);
    if (content.length() > MOST_GROWTH) {
      throw component.wrong(key, "is too long");
    }
    return content;
  }
}
