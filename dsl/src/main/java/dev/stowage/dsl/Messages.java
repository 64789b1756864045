package dev.stowage.dsl;

import java.util.List;
import java.util.stream.Collectors;

/**
 * Every diagnostic of reading, linking and checking: one method a rule, code and words together.
 */
public final class Messages {
  private Messages() {}

  // SW0xx: the file and its syntax (SW010 to SW013 are worded in SyntaxMessages)

  static Diagnostic noSuchFile(SourceSpan file) {
    return Diagnostic.error("SW001", file, "there is no such file");
  }

  static Diagnostic unreadable(SourceSpan file, String why) {
    return Diagnostic.error("SW001", file, "the file cannot be read: " + why);
  }

  static Diagnostic fileTooLarge(SourceSpan file, int limit) {
    return Diagnostic.error(
        "SW002", file, "the file is larger than %d MiB: not a plan".formatted(limit >> 20));
  }

  static Diagnostic notUtf8(SourceSpan file) {
    return Diagnostic.error("SW003", file, "the file is not UTF-8 text");
  }

  static Diagnostic syntax(String code, SourceSpan at, String message) {
    return Diagnostic.error(code, at, message);
  }

  static Diagnostic headerMissing(SourceSpan start) {
    return Diagnostic.error(
            "SW014", start, "the file says not what it is: it starts with 'plan NAME'")
        .withFix(Fix.replace("insert 'plan main'", start, "plan main\n\n").asPreferred());
  }

  static Diagnostic notShown(SourceSpan at, int left) {
    return Diagnostic.error(
        "SW015", at, "%d more errors from here on are not shown".formatted(left));
  }

  // SW1xx: names, types and units

  public static Diagnostic unknownName(
      SourceSpan at, String kind, String name, List<String> known) {
    return withGuesses(
        Diagnostic.error(
            "SW101", at, "no %s is called '%s'%s".formatted(kind, name, oneOf(known, name))),
        at,
        name,
        known);
  }

  /** A device type that the library has, in an entry that is not imported. */
  public static Diagnostic notImported(SourceSpan at, String type, String entry, SourceSpan where) {
    return Diagnostic.error(
            "SW101", at, "no device type is called '%s': it is in %s".formatted(type, entry))
        .withFix(
            Fix.replace("import " + entry, where, "\nimport \"" + entry + "\"\n").asPreferred());
  }

  public static Diagnostic duplicateName(
      SourceSpan at, String kind, String name, SourceSpan first) {
    return Diagnostic.error("SW102", at, "a second %s called '%s'".formatted(kind, name))
        .withRelated(first, "the first is here")
        .withFix(Fix.replace("call it " + another(name), at, another(name)));
  }

  /**
   * @param places where the two are
   */
  public static Diagnostic importedTwice(
      SourceSpan at, String kind, String name, List<SourceSpan> places) {
    var found =
        Diagnostic.error(
            "SW102",
            at,
            "this brings a second %s called '%s': rename one, or import one of the two files"
                .formatted(kind, name));
    for (SourceSpan place : places) {
      found = found.withRelated(place, "'%s' is here".formatted(name));
    }
    return found;
  }

  public static Diagnostic unknownWord(
      SourceSpan at, String what, String word, List<String> known) {
    return withGuesses(
        Diagnostic.error("SW103", at, "'%s' is no %s%s".formatted(word, what, oneOf(known, word))),
        at,
        word,
        known);
  }

  /**
   * @param same whether both say the same, so that one may go unasked
   */
  public static Diagnostic setTwice(SourceSpan at, String name, SourceSpan first, boolean same) {
    Fix remove = Fix.replace("remove the second", at, "");
    return Diagnostic.error("SW104", at, "'%s' is set twice".formatted(name))
        .withRelated(first, "it is set here already")
        .withFix(same ? remove.asPreferred() : remove);
  }

  public static Diagnostic bareNumber(
      SourceSpan at, String what, Unit.Dimension due, String number) {
    Diagnostic diagnostic =
        Diagnostic.error(
            "SW105", at, "%s is %s, and %s has no unit".formatted(what, due.words(), number));
    for (String unit : Vocabulary.USUAL_UNITS.get(due)) {
      String text = number + (unit.equals("%") ? "" : " ") + unit;
      Fix fix = Fix.replace("write " + text, at, text);
      boolean only = Vocabulary.USUAL_UNITS.get(due).size() == 1;
      diagnostic = diagnostic.withFix(only ? fix.asPreferred() : fix);
    }
    return diagnostic;
  }

  public static Diagnostic wrongUnit(SourceSpan at, String what, String due, String found) {
    return Diagnostic.error("SW106", at, "%s is %s, not %s".formatted(what, due, found));
  }

  /**
   * A quantity whose unit is one letter away from one that would do: 16 GB/s where 16 GB is due.
   */
  public static Diagnostic wrongUnit(
      SourceSpan at, String what, String due, String number, String found, List<String> near) {
    Diagnostic diagnostic = wrongUnit(at, what, due, number + " " + found);
    for (String unit : near) {
      String text = number + (unit.isEmpty() || unit.equals("%") ? "" : " ") + unit;
      Fix fix = Fix.replace("write " + text, at, text);
      diagnostic = diagnostic.withFix(near.size() == 1 ? fix.asPreferred() : fix);
    }
    return diagnostic;
  }

  public static Diagnostic emptyRange(SourceSpan at) {
    return Diagnostic.error("SW107", at, "the range is empty: its end is below its start");
  }

  /**
   * @param turned the range with its ends swapped
   */
  public static Diagnostic emptyRange(SourceSpan at, String turned) {
    return emptyRange(at).withFix(Fix.replace("write " + turned, at, turned).asPreferred());
  }

  public static Diagnostic stepNotPositive(SourceSpan at) {
    return Diagnostic.error("SW107", at, "a step is more than zero");
  }

  public static Diagnostic outsideDomain(SourceSpan at, String name, SourceSpan domain) {
    return Diagnostic.error(
            "SW107", at, "the value of '%s' is outside of what it may be".formatted(name))
        .withRelated(domain, "allowed is this range");
  }

  public static Diagnostic nothingLeft(SourceSpan at, String what, SourceSpan other) {
    return Diagnostic.error(
            "SW107", at, "%s: together with the other statement, nothing is left".formatted(what))
        .withRelated(other, "the other statement");
  }

  public static Diagnostic sharesTooLarge(SourceSpan at, String subject, String percent) {
    return Diagnostic.error(
        "SW107",
        at,
        "at least %s%% of the %s are placed: more than all".formatted(percent, subject));
  }

  public static Diagnostic sharesTooSmall(SourceSpan at, String subject, String percent) {
    return Diagnostic.error(
        "SW107",
        at,
        "at most %s%% of the %s are placed: name a device for the rest"
            .formatted(percent, subject));
  }

  public static Diagnostic outOfBounds(SourceSpan at, String what, String due) {
    return Diagnostic.error("SW108", at, "%s is %s".formatted(what, due));
  }

  public static Diagnostic unknownEntry(SourceSpan at, String entry, List<String> known) {
    Diagnostic diagnostic =
        Diagnostic.error(
            "SW110", at, "the library has no '%s'%s".formatted(entry, oneOf(known, entry)));
    List<String> near = Guess.near(entry, known);
    for (String guess : near) {
      Fix fix = Fix.replace("import " + guess, at, '"' + guess + '"');
      diagnostic = diagnostic.withFix(near.size() == 1 ? fix.asPreferred() : fix);
    }
    return diagnostic;
  }

  public static Diagnostic notImportable(SourceSpan at, String target, String why) {
    return Diagnostic.error("SW111", at, "'%s' cannot be imported: %s".formatted(target, why));
  }

  public static Diagnostic importCycle(SourceSpan at, String target) {
    return Diagnostic.error(
        "SW112", at, "'%s' imports this file again: imports run in a circle".formatted(target));
  }

  static Diagnostic importHasErrors(SourceSpan at, String target, Diagnostic first) {
    return Diagnostic.error("SW113", at, "'%s' has errors".formatted(target))
        .withRelated(first.span(), first.message());
  }

  public static Diagnostic misplacedOverride(SourceSpan at) {
    return Diagnostic.error(
            "SW114", at, "'override' replaces statements of the plan in a variant or test only")
        .withFix(Fix.replace("remove 'override'", at, "").asPreferred());
  }

  public static Diagnostic onlyOne(SourceSpan at, String what, SourceSpan first) {
    return Diagnostic.error("SW115", at, "a plan has one %s".formatted(what))
        .withRelated(first, "the first is here")
        .withFix(Fix.replace("remove the second", at, ""));
  }

  public static Diagnostic importedTwice(SourceSpan at, String target, SourceSpan first) {
    return Diagnostic.warning("SW421", at, "'%s' is imported twice".formatted(target))
        .withRelated(first, "it is imported here already")
        .withFix(Fix.replace("remove the second", at, "").asPreferred());
  }

  public static Diagnostic unusedImport(SourceSpan at, String target) {
    return Diagnostic.warning("SW422", at, "nothing of '%s' is used".formatted(target))
        .withFix(Fix.replace("remove the import", at, ""));
  }

  static Diagnostic unusedAllowance(SourceSpan at, String code) {
    return Diagnostic.warning("SW490", at, "%s is allowed here, but not raised".formatted(code))
        .withFix(Fix.replace("remove the comment", at, ""));
  }

  static Diagnostic notAnAllowance(SourceSpan at) {
    return Diagnostic.warning(
        "SW491", at, "written otherwise: // stowage:allow SW402 because it is so and so");
  }

  static Diagnostic cannotBeAllowed(SourceSpan at, String code) {
    return Diagnostic.warning(
        "SW491", at, "%s cannot be allowed: only warnings and expectations can".formatted(code));
  }

  static Diagnostic levelsUnreadable(SourceSpan at, String why) {
    return Diagnostic.warning("SW492", at, "the levels are not used: " + why);
  }

  static Diagnostic levelOfNothing(SourceSpan at, String key) {
    return Diagnostic.warning(
        "SW492", at, "'%s' is no code: there are SW402 and such, SW4 for a family".formatted(key));
  }

  static Diagnostic noSuchLevel(SourceSpan at, String value) {
    return Diagnostic.warning(
        "SW492", at, "'%s' is no level: there are error, warning and off".formatted(value));
  }

  static Diagnostic cannotBeLowered(SourceSpan at, String key) {
    return Diagnostic.warning("SW492", at, "%s stays an error".formatted(key));
  }

  static Diagnostic levelSetTwice(SourceSpan at, String key) {
    return Diagnostic.warning("SW492", at, "%s is set twice: this line counts".formatted(key));
  }

  public static Diagnostic notInLibrary(SourceSpan at) {
    return Diagnostic.error(
        "SW116", at, "a library holds params, device types, platforms and imports only");
  }

  public static Diagnostic wrongKind(SourceSpan at, String device, String kind, SourceSpan type) {
    return Diagnostic.error("SW117", at, "'%s' is no %s".formatted(device, kind))
        .withRelated(type, "its type is declared here");
  }

  public static Diagnostic linkToItself(SourceSpan at, String device) {
    return Diagnostic.error("SW118", at, "a link from '%s' to itself".formatted(device));
  }

  public static Diagnostic metricArguments(SourceSpan at, String metric, String due) {
    return Diagnostic.error("SW119", at, "%s is written %s".formatted(metric, due));
  }

  public static Diagnostic percentilesFall(SourceSpan at) {
    return Diagnostic.error("SW120", at, "percentiles rise: p50 <= p95 <= p99 <= max");
  }

  public static Diagnostic percentileMissing(SourceSpan at) {
    return Diagnostic.error("SW120", at, "a distribution says p50 and max at least");
  }

  public static Diagnostic noSuchDay(SourceSpan at) {
    return Diagnostic.error("SW121", at, "no such day: a date is written 2026-01-31");
  }

  public static Diagnostic typeCycle(SourceSpan at, String type) {
    return Diagnostic.error("SW122", at, "'%s' is based on itself".formatted(type));
  }

  private static Diagnostic withGuesses(
      Diagnostic diagnostic, SourceSpan at, String word, List<String> known) {
    Diagnostic result = diagnostic;
    List<String> near = Guess.near(word, known);
    for (String guess : near) {
      Fix fix = Fix.replace("write '" + guess + "'", at, guess);
      result = result.withFix(near.size() == 1 ? fix.asPreferred() : fix);
    }
    return result;
  }

  /** A name like it that is likely free: w becomes w2. */
  private static String another(String name) {
    return name.matches("\\w+") ? name + "2" : name;
  }

  private static String oneOf(List<String> known, String word) {
    List<String> near = Guess.near(word, known);
    if (!near.isEmpty()) {
      return ": did you mean "
          + near.stream().map(guess -> "'" + guess + "'").collect(Collectors.joining(" or "))
          + "?";
    }
    return known.isEmpty() || known.size() > 24 ? "" : ": there are " + String.join(", ", known);
  }
}
