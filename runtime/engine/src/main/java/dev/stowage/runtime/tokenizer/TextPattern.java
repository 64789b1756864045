package dev.stowage.runtime.tokenizer;

import dev.stowage.plan.model.ModelFormatException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A literal, or a regular expression of a tokenizer's file. Hugging Face runs these with Oniguruma;
 * they are translated to Java's dialect. A pattern that takes too many steps or too much stack on a
 * text ends in an error instead of a hang.
 */
final class TextPattern {
  private static final int FLAGS =
      Pattern.UNICODE_CHARACTER_CLASS | Pattern.MULTILINE | Pattern.UNIX_LINES;

  private static final int LONGEST = 10_000;
  private static final long STEPS_PER_CHARACTER = 2000;

  private final Pattern pattern;

  private TextPattern(Pattern pattern) {
    this.pattern = pattern;
  }

  static TextPattern literal(String text) {
    return new TextPattern(Pattern.compile(text, Pattern.LITERAL));
  }

  /** For patterns of our own, in Java's dialect. */
  static TextPattern java(String regex) {
    return new TextPattern(Pattern.compile(regex, FLAGS));
  }

  /** Reads {@code {"String": …}} or {@code {"Regex": …}}. */
  static TextPattern read(Component component) throws ModelFormatException {
    if (component.has("String")) {
      String text = component.text("String");
      if (text.isEmpty()) {
        throw component.wrong("String", "is an empty pattern");
      }
      return literal(text);
    }
    String regex = component.text("Regex");
    if (regex.isEmpty() || regex.length() > LONGEST) {
      throw component.wrong("Regex", "is empty or too long");
    }
    try {
      return new TextPattern(Pattern.compile(translate(regex), FLAGS));
    } catch (IllegalArgumentException e) {
      String reason = e instanceof PatternSyntaxException s ? s.getDescription() : e.getMessage();
      throw component.wrong("Regex", "is not supported: %s (%s)".formatted(reason, regex));
    } catch (StackOverflowError e) {
      throw component.wrong("Regex", "is nested too deeply");
    }
  }

  /** A part of a text: within a match or between two. */
  record Span(int from, int to, boolean match) {}

  /** The whole text as spans, in order; none is empty unless it is an empty match. */
  List<Span> spans(String text) {
    var spans = new ArrayList<Span>();
    int end = 0;
    try {
      Matcher matcher = matcher(text);
      while (matcher.find()) {
        if (end < matcher.start()) {
          spans.add(new Span(end, matcher.start(), false));
        }
        spans.add(new Span(matcher.start(), matcher.end(), true));
        end = matcher.end();
      }
    } catch (StackOverflowError e) {
      throw new IllegalArgumentException(
          "the tokenizer's pattern %s cannot cope with this text".formatted(pattern));
    }
    if (end < text.length()) {
      spans.add(new Span(end, text.length(), false));
    }
    return spans;
  }

  String replaceAll(String text, String content) {
    var result = new StringBuilder();
    for (var span : spans(text)) {
      if (span.match()) {
        result.append(content);
      } else {
        result.append(text, span.from(), span.to());
      }
    }
    return result.toString();
  }

  private Matcher matcher(String text) {
    return pattern.matcher(new Budgeted(text, pattern, 0, text.length(), new long[1]));
  }

  /** A text that counts how often it is looked at: bounds backtracking. */
  private record Budgeted(String text, Pattern pattern, int from, int to, long[] steps)
      implements CharSequence {
    @Override
    public char charAt(int index) {
      if (++steps[0] > STEPS_PER_CHARACTER * (text.length() + 1000L)) {
        throw new IllegalArgumentException(
            "the tokenizer's pattern %s takes too long on this text".formatted(pattern));
      }
      return text.charAt(from + index);
    }

    @Override
    public int length() {
      return to - from;
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return new Budgeted(text, pattern, from + start, from + end, steps);
    }

    @Override
    public String toString() {
      return text.substring(from, to);
    }
  }

  /** Rewrites what Oniguruma and Java read differently. */
  static String translate(String regex) {
    var java = new StringBuilder();
    int brackets = 0;
    for (int i = 0; i < regex.length(); i++) {
      char c = regex.charAt(i);
      if (c == '\\' && i + 1 < regex.length()) {
        i = escape(regex, i, brackets > 0, java);
      } else if (c == '[' && regex.startsWith("[:", i) && brackets > 0) {
        i = posixClass(regex, i, java);
      } else if (brackets == 0 && regex.startsWith("(?", i)) {
        i = group(regex, i, java);
      } else if (brackets == 0
          && c == '}'
          && regex.startsWith("}+", i)
          && closesInterval(regex, i)) {
        throw new IllegalArgumentException("a '+' behind an interval");
      } else {
        brackets += c == '[' ? 1 : c == ']' && brackets > 0 ? -1 : 0;
        java.append(c);
        // A bracket that opens a class is followed by literal ']' or '^]' as in POSIX.
        if (c == '[' && regex.startsWith("]", i + 1)) {
          java.append("\\]");
          i++;
        } else if (c == '[' && regex.startsWith("^]", i + 1)) {
          java.append("^\\]");
          i += 2;
        }
      }
    }
    return java.toString();
  }

  private static boolean closesInterval(String regex, int close) {
    int open = regex.lastIndexOf('{', close);
    return open >= 0 && regex.substring(open, close + 1).matches("\\{\\d*,?\\d*}");
  }

  private static int escape(String regex, int at, boolean inClass, StringBuilder java) {
    char c = regex.charAt(at + 1);
    switch (c) {
      case 'h' -> java.append(inClass ? "0-9a-fA-F" : "[0-9a-fA-F]");
      case 'H' -> java.append("[^0-9a-fA-F]");
      case 'p', 'P' -> {
        int close = regex.indexOf('}', at);
        if (!regex.startsWith("{", at + 2) || close < 0) {
          throw new IllegalArgumentException("a property without braces");
        }
        String name = regex.substring(at + 3, close);
        boolean negated = c == 'P' ^ name.startsWith("^");
        name = name.startsWith("^") ? name.substring(1) : name;
        java.append(negated ? "\\P{" : "\\p{").append(property(name)).append('}');
        return close;
      }
      case 'K', 'O', 'N', 'g', 'y', 'Y' -> throw new IllegalArgumentException("the escape \\" + c);
      default -> java.append('\\').append(c);
    }
    return at + 1;
  }

  /** General categories have short names in both; scripts need Java's prefix. */
  private static String property(String name) {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "letter" -> "L";
      case "mark" -> "M";
      case "number" -> "N";
      case "punctuation" -> "P";
      case "symbol" -> "S";
      case "separator" -> "Z";
      case "other" -> "C";
      case "alpha", "digit", "space", "upper", "lower", "punct", "alnum" ->
          name.substring(0, 1).toUpperCase(Locale.ROOT)
              + name.substring(1).toLowerCase(Locale.ROOT);
      default ->
          name.length() <= 2 || name.startsWith("Is") || name.startsWith("In") ? name : "Is" + name;
    };
  }

  private static int posixClass(String regex, int at, StringBuilder java) {
    int close = regex.indexOf(":]", at);
    if (close < 0) {
      throw new IllegalArgumentException("a bracket '[:' that does not close");
    }
    String name = regex.substring(at + 2, close);
    boolean negated = name.startsWith("^");
    name = negated ? name.substring(1) : name;
    switch (name) {
      case "word" -> java.append(negated ? "\\W" : "\\w");
      case "alpha",
          "digit",
          "space",
          "upper",
          "lower",
          "punct",
          "alnum",
          "cntrl",
          "graph",
          "print",
          "blank" ->
          java.append(negated ? "\\P{" : "\\p{")
              .append(Character.toUpperCase(name.charAt(0)))
              .append(name, 1, name.length())
              .append('}');
      case "xdigit" -> java.append(negated ? "\\P{XDigit}" : "\\p{XDigit}");
      default -> throw new IllegalArgumentException("the class [:" + name + ":]");
    }
    return close + 1;
  }

  /** Options before a colon or parenthesis: Oniguruma's {@code m} is Java's {@code s}. */
  private static int group(String regex, int at, StringBuilder java) {
    int end = at + 2;
    while (end < regex.length() && "imx-".indexOf(regex.charAt(end)) >= 0) {
      end++;
    }
    boolean options = end > at + 2 && end < regex.length() && ":)".indexOf(regex.charAt(end)) >= 0;
    if (!options) {
      java.append("(?");
      return at + 1;
    }
    String letters = regex.substring(at + 2, end);
    if (letters.contains("x")) {
      throw new IllegalArgumentException("the option x");
    }
    java.append("(?").append(letters.replace('m', 's'));
    return end - 1;
  }
}
