package dev.stowage.compiler.migrate;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SequencedMap;

/**
 * A tool's flags with the values behind them, the last of a name winning. What nobody takes is left
 * over, so that it can be named.
 */
final class Flags {
  private static final int MOST_WORDS = 4096;
  private static final int LONGEST_WORD = 4096;
  private static final int LONGEST_SHOWN = 200;

  private final SequencedMap<String, List<String>> given = new LinkedHashMap<>();
  private final List<String> loose = new ArrayList<>();
  private final List<Note> notes;

  /**
   * @param full the full name of a flag as written; a flag that takes no part of its name back
   */
  Flags(List<String> words, java.util.function.UnaryOperator<String> full, List<Note> notes) {
    this.notes = notes;
    if (words.size() > MOST_WORDS) {
      throw new ImportException("%d words are more than %d".formatted(words.size(), MOST_WORDS));
    }
    List<String> values = loose;
    for (String word : words) {
      if (word.length() > LONGEST_WORD) {
        throw new ImportException(
            "a word of %d characters, which are more than %d"
                .formatted(word.length(), LONGEST_WORD));
      }
      if (!isFlag(word)) {
        values.add(word);
        continue;
      }
      int equals = word.startsWith("--") ? word.indexOf('=') : -1;
      String name = full.apply(equals < 0 ? word : word.substring(0, equals));
      values = new ArrayList<>();
      if (equals >= 0) {
        values.add(word.substring(equals + 1));
      }
      var before = given.remove(name);
      if (before != null) {
        note(name, before, "given again later, which wins");
      }
      given.put(name, values);
    }
  }

  /** A dash and something that is no number. */
  static boolean isFlag(String word) {
    return word.length() > 1
        && word.charAt(0) == '-'
        && !Character.isDigit(word.charAt(1))
        && word.charAt(1) != '.';
  }

  /** Text on one line, without control characters, of a length that can be read. */
  static String printable(String text) {
    String line = text.replaceAll("[\\p{Cntrl}\\p{Cf}\\p{Zl}\\p{Zp}]+", " ").strip();
    return line.length() <= LONGEST_SHOWN ? line : line.substring(0, LONGEST_SHOWN) + "…";
  }

  /** A string of the language. */
  static String quoted(String text) {
    if (text.chars().anyMatch(c -> c < ' ' || c == 0x7f)) {
      throw new ImportException("'%s' has control characters".formatted(text));
    }
    return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }

  void note(String flag, List<String> values, String why) {
    notes.add(new Note(printable((flag + " " + String.join(" ", values)).strip()), why));
  }

  /** The words before the first flag. */
  List<String> loose() {
    return loose;
  }

  private Optional<List<String>> take(String... names) {
    Optional<List<String>> taken = Optional.empty();
    for (String name : names) {
      var values = given.remove(name);
      if (values != null) {
        taken.ifPresent(before -> note(name, before, "said under another name too, which wins"));
        taken = Optional.of(values);
      }
    }
    return taken;
  }

  /** All values of a flag. */
  Optional<List<String>> all(String... names) {
    return take(names);
  }

  /** The one value of a flag; more than one is left over. */
  Optional<String> one(String... names) {
    return take(names)
        .map(
            values -> {
              if (values.isEmpty()) {
                throw new ImportException(names[0] + " needs a value");
              }
              surplus(values.subList(1, values.size()));
              return values.getFirst();
            });
  }

  /** Whether a flag without a value is there. */
  boolean has(String... names) {
    var values = take(names);
    values.ifPresent(this::surplus);
    return values.isPresent();
  }

  private void surplus(List<String> words) {
    words.forEach(word -> notes.add(new Note(printable(word), "belongs to no flag")));
  }

  /** A flag that may stand alone or with true or false. */
  Optional<Boolean> truth(String name) {
    return take(name)
        .map(
            values -> {
              surplus(values.size() > 1 ? values.subList(1, values.size()) : List.of());
              return values.isEmpty() || truth(name, values.getFirst());
            });
  }

  private static boolean truth(String name, String word) {
    return switch (word.toLowerCase(java.util.Locale.ROOT)) {
      case "true", "yes", "t", "y", "1", "on" -> true;
      case "false", "no", "f", "n", "0", "off" -> false;
      default ->
          throw new ImportException("%s: '%s' is neither true nor false".formatted(name, word));
    };
  }

  /** A whole number between bounds. */
  OptionalInt count(int least, int most, String... names) {
    var word = one(names);
    return word.isPresent()
        ? OptionalInt.of(count(names[0], word.get(), least, most))
        : OptionalInt.empty();
  }

  static int count(String name, String word, int least, int most) {
    var number = number(name, word);
    if (number.stripTrailingZeros().scale() > 0
        || number.compareTo(BigDecimal.valueOf(least)) < 0
        || number.compareTo(BigDecimal.valueOf(most)) > 0) {
      throw new ImportException(
          "%s: '%s' is not a whole number from %d to %d".formatted(name, word, least, most));
    }
    return number.intValueExact();
  }

  /** A number as people write them: no exponents, so that its digits are as many as its letters. */
  static BigDecimal number(String name, String word) {
    if (!word.matches("-?[0-9]{1,18}(\\.[0-9]{1,18})?")) {
      throw new ImportException("%s: '%s' is not a number".formatted(name, word));
    }
    return new BigDecimal(word);
  }

  /** Names what is known but has no part in a plan. */
  void leave(Map<String, String> why) {
    why.forEach((name, reason) -> take(name).ifPresent(values -> note(name, values, reason)));
  }

  /** Names all that nobody took. */
  void leaveRest() {
    given.forEach(
        (name, values) -> note(name, values, "not known here; the plan does not carry it"));
    given.clear();
  }
}
