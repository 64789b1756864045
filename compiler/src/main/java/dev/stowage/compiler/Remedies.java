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
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

/**
 * Finds, for statements that no placement keeps, the number nearest to theirs that one does. The
 * search asks whether a placement in fractions exists; what it finds is offered only if the plan
 * compiles with it, a little further off where whole units need it.
 */
final class Remedies {
  private static final Pattern NUMBER =
      Pattern.compile("(?<![\\w.])(\\d+(?:\\.\\d+)?)(?=\\s*(%|(?:ms|us|s|min|[KMGT]i?B)\\b))");
  private static final Pattern BATCH = Pattern.compile("^batch\\s+(\\d+)()$");
  private static final Pattern BATCH_IN_TEXT =
      Pattern.compile("\\bbatch\\s+\\d+(?=\\s)(?!\\s*\\.\\.)");
  private static final Pattern MEMORY =
      Pattern.compile("\\bmemory\\s+\\d+(\\.\\d+)?\\s*[KMGT]i?B\\b");
  private static final int STATEMENTS = 5;
  private static final int HALVINGS = 9;
  private static final int QUADRUPLINGS = 10;

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

  /** The amount of memory in a device's declaration, if the declaration says one. */
  static Optional<SourceSpan> memory(String text, SourceSpan device) {
    return within(text, device, MEMORY);
  }

  /** The plan's number of sequences, if it says one and in one place. */
  static Optional<SourceSpan> batch(String text, SourceSpan plan) {
    var all = new SourceSpan(plan.file(), 0, text.length(), 1, 1);
    return BATCH_IN_TEXT.matcher(text).results().count() == 1
        ? within(text, all, BATCH_IN_TEXT)
        : Optional.empty();
  }

  private static Optional<SourceSpan> within(String text, SourceSpan span, Pattern pattern) {
    var end = Math.min(text.length(), span.offset() + span.length());
    var matcher = pattern.matcher(text.substring(span.offset(), end));
    if (!matcher.find()) {
      return Optional.empty();
    }
    int offset = span.offset() + matcher.start();
    var before = text.substring(0, offset);
    int line = 1 + (int) before.chars().filter(c -> c == '\n').count();
    int column = offset - before.lastIndexOf('\n');
    int length = matcher.end() - matcher.start();
    return Optional.of(new SourceSpan(span.file(), offset, length, line, column));
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
    UnaryOperator<String> with =
        value ->
            text.substring(0, statement.offset())
                + before
                + value
                + after
                + text.substring(statement.offset() + statement.length());
    return nearest(old, digits, value -> mayFit.test(with.apply(value.toPlainString())))
        .flatMap(
            found ->
                furtherOff(old, found, digits).stream()
                    .filter(value -> compiles.test(with.apply(value.toPlainString())))
                    .findFirst())
        .map(v -> before + v.toPlainString() + after)
        .map(changed -> Fix.replace(changed, statement, changed));
  }

  /** A value, and some that lie further from the old one, for whole units to have room. */
  private static List<BigDecimal> furtherOff(BigDecimal old, BigDecimal found, int digits) {
    var values = new ArrayList<BigDecimal>();
    values.add(found);
    for (double part : new double[] {0.02, 0.1, 0.3}) {
      var further =
          found
              .add(found.subtract(old).multiply(BigDecimal.valueOf(part)))
              .max(BigDecimal.ZERO)
              .setScale(
                  digits, found.compareTo(old) < 0 ? RoundingMode.FLOOR : RoundingMode.CEILING);
      values.add(further.signum() == 0 ? BigDecimal.ZERO : further.stripTrailingZeros());
    }
    return values;
  }

  private static Optional<BigDecimal> nearest(
      BigDecimal old, int digits, Predicate<BigDecimal> works) {
    var least = digits == 0 ? BigDecimal.ONE : BigDecimal.ZERO;
    if (works.test(least)) {
      return Optional.of(between(old, least, digits, works));
    }
    var low = old;
    for (int i = 0; i < QUADRUPLINGS; i++) {
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
