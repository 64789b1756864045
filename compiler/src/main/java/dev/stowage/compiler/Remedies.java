package dev.stowage.compiler;

import dev.stowage.compiler.resolve.Sites.Site;
import dev.stowage.dsl.Fix;
import dev.stowage.dsl.TextEdit;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * Finds, for limits that cannot be kept together, the numbers nearest to theirs with which they
 * can. The search asks whether a placement in fractions exists; what it finds is offered only if
 * the plan compiles with it, a little further off where whole units need it.
 */
final class Remedies {
  private static final int FIXES = 6;
  private static final int COMBINATIONS = 12;
  private static final int HALVINGS = 9;
  private static final int MOST_HALVINGS = 16;
  private static final int QUADRUPLINGS = 10;
  private static final int DIGITS = 3;

  private final String text;
  private final Predicate<String> mayFit;
  private final Predicate<String> compiles;

  /**
   * @param text the plan
   * @param mayFit whether a text has a placement in fractions
   * @param compiles whether a text compiles to a plan
   */
  Remedies(String text, Predicate<String> mayFit, Predicate<String> compiles) {
    this.text = text;
    this.mayFit = mayFit;
    this.compiles = compiles;
  }

  /**
   * A fix, and how much it changes.
   *
   * @param change 0..1 of the larger of old and new, the largest of all numbers; 1 for words
   */
  private record Found(Fix fix, boolean decision, double change) {}

  /**
   * Fixes that make the plan feasible, the smallest change first; the smallest of what the author
   * decided is preferred. What a machine has, or how long texts are, is for people to say.
   *
   * @param conflicts for each that must give way, where it can
   */
  List<Fix> of(List<List<Site>> conflicts) {
    var found = new ArrayList<Found>();
    var combinations = combinations(conflicts);
    int most = conflicts.size() == 1 ? COMBINATIONS : COMBINATIONS / 3;
    for (var sites : combinations.subList(0, Math.min(most, combinations.size()))) {
      fix(sites).ifPresent(found::add);
    }
    found.sort(Comparator.comparing((Found f) -> !f.decision()).thenComparingDouble(Found::change));
    var fixes = new ArrayList<Fix>();
    for (var one : found.subList(0, Math.min(FIXES, found.size()))) {
      boolean preferred = fixes.isEmpty() && one.decision();
      fixes.add(preferred ? one.fix().asPreferred() : one.fix());
    }
    return fixes;
  }

  /** One site of each conflict; those that come first in theirs come first. */
  private static List<List<Site>> combinations(List<List<Site>> conflicts) {
    List<List<Site>> all = List.of(List.of());
    for (var sites : conflicts) {
      var longer = new ArrayList<List<Site>>();
      for (var site : sites) {
        for (var shorter : all) {
          var more = new ArrayList<>(shorter);
          more.add(site);
          longer.add(more);
        }
      }
      all = longer;
    }
    return all;
  }

  private Optional<Found> fix(List<Site> sites) {
    var loose = overlap(sites) ? Optional.<List<BigDecimal>>empty() : loosest(sites, List.of());
    if (loose.isEmpty()) {
      return Optional.empty();
    }
    var values = together(sites, loose.get());
    for (int i = 0; i < sites.size(); i++) {
      if (sites.get(i) instanceof Site.Number number) {
        int at = i;
        values.set(
            i,
            nearest(
                number,
                values.get(i),
                value -> mayFit.test(applied(edits(sites, with(values, at, value))))));
      }
    }
    for (double part : new double[] {0, 0.02, 0.1, 0.3}) {
      var further = new ArrayList<BigDecimal>();
      for (int i = 0; i < sites.size(); i++) {
        further.add(
            sites.get(i) instanceof Site.Number number
                ? further(number, values.get(i), part)
                : BigDecimal.ZERO);
      }
      var edits = edits(sites, further);
      if (compiles.test(applied(edits))) {
        return Optional.of(
            new Found(
                new Fix(title(sites, further), edits),
                sites.stream().allMatch(Site::isDecision),
                change(sites, further)));
      }
    }
    return Optional.empty();
  }

  /** Whether two of the sites change the same text. */
  private static boolean overlap(List<Site> sites) {
    var edits =
        sites.stream()
            .flatMap(
                site ->
                    switch (site) {
                      case Site.Words words -> words.edits().stream();
                      case Site.Number number -> number.edits().apply(number.old()).stream();
                    })
            .sorted(Comparator.comparingInt((TextEdit edit) -> edit.span().offset()))
            .toList();
    for (int i = 1; i < edits.size(); i++) {
      var before = edits.get(i - 1).span();
      if (before.offset() + before.length() >= edits.get(i).span().offset()) {
        return true;
      }
    }
    return false;
  }

  /** All numbers as far on their ways to loose ones as they must be. */
  private List<BigDecimal> together(List<Site> sites, List<BigDecimal> loose) {
    var good = loose;
    double bad = 0;
    double part = 1;
    for (int i = 0; sites.size() > 1 && i < HALVINGS; i++) {
      double middle = (bad + part) / 2;
      var between = new ArrayList<BigDecimal>();
      for (int j = 0; j < sites.size(); j++) {
        between.add(
            sites.get(j) instanceof Site.Number number
                ? number
                    .old()
                    .add(loose.get(j).subtract(number.old()).multiply(BigDecimal.valueOf(middle)))
                    .setScale(digits(number), RoundingMode.HALF_UP)
                : BigDecimal.ZERO);
      }
      if (mayFit.test(applied(edits(sites, between)))) {
        good = between;
        part = middle;
      } else {
        bad = middle;
      }
    }
    return new ArrayList<>(good);
  }

  private static List<BigDecimal> with(List<BigDecimal> values, int at, BigDecimal value) {
    var changed = new ArrayList<>(values);
    changed.set(at, value);
    return changed;
  }

  private static List<TextEdit> edits(List<Site> sites, List<BigDecimal> values) {
    var edits = new ArrayList<TextEdit>();
    for (int i = 0; i < sites.size(); i++) {
      edits.addAll(
          switch (sites.get(i)) {
            case Site.Words words -> words.edits();
            case Site.Number number -> number.edits().apply(values.get(i));
          });
    }
    return edits;
  }

  private String applied(List<TextEdit> edits) {
    var changed = new StringBuilder(text);
    edits.stream()
        .sorted(Comparator.comparingInt((TextEdit edit) -> edit.span().offset()).reversed())
        .forEach(
            edit -> {
              int from = edit.span().offset();
              changed.replace(from, from + edit.span().length(), edit.newText());
            });
    return changed.toString();
  }

  private static String title(List<Site> sites, List<BigDecimal> values) {
    var parts = new ArrayList<String>();
    for (int i = 0; i < sites.size(); i++) {
      parts.add(
          switch (sites.get(i)) {
            case Site.Words words -> words.title();
            case Site.Number number -> {
              var value = values.get(i).toPlainString();
              yield number.context().contains("\0")
                  ? number.context().endsWith("\0")
                      ? number.context().replace("\0", value + number.unit())
                      : number.context().replace("\0", value)
                  : number.context();
            }
          });
    }
    return String.join(" and ", parts);
  }

  private static double change(List<Site> sites, List<BigDecimal> values) {
    double most = 0;
    for (int i = 0; i < sites.size(); i++) {
      most =
          Math.max(
              most,
              switch (sites.get(i)) {
                case Site.Words _ -> 1;
                case Site.Number number -> {
                  double old = number.old().doubleValue();
                  double now = values.get(i).doubleValue();
                  yield Math.abs(now - old) / Math.max(1e-300, Math.max(old, now));
                }
              });
    }
    return most;
  }

  // -- numbers

  /** Numbers far from the old ones with which a placement exists, if there are any. */
  private Optional<List<BigDecimal>> loosest(List<Site> sites, List<BigDecimal> chosen) {
    if (chosen.size() == sites.size()) {
      return mayFit.test(applied(edits(sites, chosen)))
          ? Optional.of(new ArrayList<>(chosen))
          : Optional.empty();
    }
    var choices =
        switch (sites.get(chosen.size())) {
          case Site.Words _ -> List.of(BigDecimal.ZERO);
          case Site.Number number -> ends(number);
        };
    for (var choice : choices) {
      var more = new ArrayList<>(chosen);
      more.add(choice);
      var found = loosest(sites, more);
      if (found.isPresent()) {
        return found;
      }
    }
    return Optional.empty();
  }

  private static List<BigDecimal> ends(Site.Number number) {
    var ends = new ArrayList<BigDecimal>();
    var most = BigDecimal.valueOf(4).pow(QUADRUPLINGS);
    if (number.unit().equals("%")) {
      ends.add(BigDecimal.ZERO);
      ends.add(BigDecimal.valueOf(100));
    } else {
      if (number.whole()) {
        for (int divisor : new int[] {Integer.MAX_VALUE, 16, 4}) {
          ends.add(number.old().divide(BigDecimal.valueOf(divisor), 0, RoundingMode.CEILING));
        }
      } else {
        ends.add(number.old().divide(most, DIGITS, RoundingMode.CEILING));
      }
      ends.add(number.old().multiply(most));
      ends.add(number.old().multiply(BigDecimal.valueOf(4).pow(QUADRUPLINGS / 3)));
    }
    ends.removeIf(end -> end.compareTo(number.old()) == 0);
    return ends;
  }

  /** The value nearest to the old one that works, on the way to one that does. */
  private static BigDecimal nearest(
      Site.Number number, BigDecimal loose, Predicate<BigDecimal> works) {
    var bad = number.old();
    if (loose.compareTo(bad) > 0) {
      for (int i = 0; i < QUADRUPLINGS; i++) {
        var next = bad.multiply(BigDecimal.valueOf(4));
        if (next.compareTo(loose) >= 0) {
          break;
        }
        if (works.test(next)) {
          return between(bad, next, digits(number), works);
        }
        bad = next;
      }
    }
    return between(bad, loose, digits(number), works);
  }

  private static int digits(Site.Number number) {
    return number.whole() ? 0 : number.unit().equals("%") ? 1 : 3;
  }

  /** The last value that works on the way from one that does to one that does not. */
  private static BigDecimal between(
      BigDecimal fails, BigDecimal holds, int digits, Predicate<BigDecimal> works) {
    var bad = fails;
    var good = holds;
    for (int i = 0; i < MOST_HALVINGS; i++) {
      var middle = middle(bad, good).setScale(digits, RoundingMode.HALF_UP);
      if (middle.compareTo(good) == 0 || middle.compareTo(bad) == 0) {
        break;
      }
      if (works.test(middle)) {
        good = middle;
      } else {
        bad = middle;
      }
    }
    return good;
  }

  /** The mean, of numbers far apart the geometric one. */
  private static BigDecimal middle(BigDecimal one, BigDecimal other) {
    var small = one.min(other);
    boolean far =
        small.signum() > 0 && one.max(other).compareTo(small.multiply(BigDecimal.TEN)) > 0;
    return far
        ? one.multiply(other).sqrt(MathContext.DECIMAL64)
        : one.add(other).divide(BigDecimal.TWO, MathContext.DECIMAL64);
  }

  /** A short number that lies as far from the old one as that which works, or a part further. */
  private static BigDecimal further(Site.Number number, BigDecimal found, double part) {
    boolean down = found.compareTo(number.old()) < 0;
    var away = down ? RoundingMode.FLOOR : RoundingMode.CEILING;
    var value =
        found
            .add(found.subtract(number.old()).multiply(BigDecimal.valueOf(part)))
            .max(number.whole() ? BigDecimal.ONE : BigDecimal.ZERO);
    var rounded =
        number.whole()
            ? value.setScale(0, away)
            : value.setScale(digits(number), away).round(new MathContext(DIGITS, away));
    return rounded.signum() == 0 ? BigDecimal.ZERO : rounded.stripTrailingZeros();
  }
}
