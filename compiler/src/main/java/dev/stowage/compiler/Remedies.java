package dev.stowage.compiler;

import dev.stowage.dsl.Fix;
import dev.stowage.dsl.SourceSpan;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * Finds, for statements that no placement keeps, the number nearest to theirs that one does. Every
 * number offered was compiled in place of the old one and found feasible.
 */
final class Remedies {
  private static final Pattern NUMBER =
      Pattern.compile("(?<![\\w.])(\\d+(?:\\.\\d+)?)(?=\\s*(%|(?:ms|us|s|min|[KMGT]i?B)\\b))");
  private static final Pattern BATCH = Pattern.compile("^batch\\s+(\\d+)()$");
  private static final int STATEMENTS = 4;
  private static final int HALVINGS = 9;
  private static final int DOUBLINGS = 5;

  private final String text;
  private final Predicate<String> feasible;

  /**
   * @param text the plan
   * @param feasible whether a text compiles to a plan
   */
  Remedies(String text, Predicate<String> feasible) {
    this.text = text;
    this.feasible = feasible;
  }

  /** At most one fix for each of the first few statements, which are in {@code text}. */
  List<Fix> of(Collection<SourceSpan> statements) {
    var fixes = new ArrayList<Fix>();
    statements.stream().distinct().limit(STATEMENTS).forEach(s -> fix(s).ifPresent(fixes::add));
    return fixes;
  }

  private Optional<Fix> fix(SourceSpan statement) {
    var words = text.substring(statement.offset(), statement.offset() + statement.length());
    var batch = BATCH.matcher(words);
    var number = batch.matches() ? batch : NUMBER.matcher(words);
    if (!batch.matches() && (!number.find() || NUMBER.matcher(words).results().count() != 1)) {
      return Optional.empty(); // a param or a range: no one number to change
    }
    var before = words.substring(0, number.start(1));
    var after = words.substring(number.end(1));
    var old = new BigDecimal(number.group(1));
    int digits = batch.matches() ? 0 : number.group(2).equals("%") ? 1 : 3;
    Predicate<BigDecimal> works =
        value ->
            feasible.test(
                text.substring(0, statement.offset())
                    + before
                    + value.toPlainString()
                    + after
                    + text.substring(statement.offset() + statement.length()));
    return nearest(old, digits, works)
        .map(v -> before + v.toPlainString() + after)
        .map(changed -> Fix.replace(changed, statement, changed));
  }

  private static Optional<BigDecimal> nearest(
      BigDecimal old, int digits, Predicate<BigDecimal> works) {
    var least = digits == 0 ? BigDecimal.ONE : BigDecimal.ZERO;
    if (works.test(least)) {
      return Optional.of(between(old, least, digits, works));
    }
    var low = old;
    for (int i = 0; i < DOUBLINGS; i++) {
      var high = low.multiply(BigDecimal.valueOf(4));
      if (works.test(high)) {
        return Optional.of(between(low, high, digits, works));
      }
      low = high;
    }
    return Optional.empty();
  }

  /** The last value that works on the way from one that does to one that does not. */
  private static BigDecimal between(
      BigDecimal fails, BigDecimal holds, int digits, Predicate<BigDecimal> works) {
    var bad = fails;
    var good = holds;
    for (int i = 0; i < HALVINGS; i++) {
      var middle =
          bad.add(good)
              .divide(BigDecimal.TWO, MathContext.DECIMAL64)
              .setScale(digits, RoundingMode.HALF_UP);
      if (middle.compareTo(good) == 0 || middle.compareTo(bad) == 0) {
        break;
      }
      if (works.test(middle)) {
        good = middle;
      } else {
        bad = middle;
      }
    }
    return good.signum() == 0 ? BigDecimal.ZERO : good.stripTrailingZeros();
  }
}
