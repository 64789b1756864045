package dev.stowage.optimizer;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/**
 * A linear program as data: {@code minimize goal} subject to {@code lower ≤ Σ factor · variable ≤
 * upper} for every row and {@code lower ≤ variable ≤ upper}. An interval's open side is an
 * infinity.
 */
public record LpModel(List<Variable> variables, List<Row> rows, List<Term> goal) {
  public LpModel {
    variables = List.copyOf(variables);
    rows = List.copyOf(rows);
    goal = List.copyOf(goal);
    int count = variables.size();
    for (var row : rows) {
      row.terms().forEach(term -> Objects.checkIndex(term.variable(), count));
    }
    goal.forEach(term -> Objects.checkIndex(term.variable(), count));
  }

  /**
   * One unknown.
   *
   * @param whole whether it is a whole number; a program with one is a mixed program
   */
  public record Variable(String name, double lower, double upper, boolean whole) {
    public Variable(String name, double lower, double upper) {
      this(name, lower, upper, false);
    }

    public Variable {
      Objects.requireNonNull(name);
      checkBounds(name, lower, upper);
    }
  }

  /**
   * One limit.
   *
   * @param name what a user understands: {@code memory(t4)}, {@code kv on t4}
   * @param kind what it limits, and so what may give way
   * @param resource the device it is about, or {@code block}
   * @param unit one unit of a scaled row: {@code GiB}, {@code share}, {@code s}
   * @param sources the statements it comes from
   */
  public record Row(
      String name,
      Kind kind,
      String resource,
      String unit,
      List<Term> terms,
      double lower,
      double upper,
      List<Source> sources) {
    public Row {
      Objects.requireNonNull(name);
      Objects.requireNonNull(kind);
      Objects.requireNonNull(resource);
      Objects.requireNonNull(unit);
      terms = List.copyOf(terms);
      sources = List.copyOf(sources);
      checkBounds(name, lower, upper);
    }

    /** What a row is about. */
    public enum Kind {
      /** Shares sum to one, times and rings are large enough: true by definition. */
      DEFINITION,
      /** What the machine has. */
      CAPACITY,
      /** A limit on time or memory that the author set. */
      SERVICE_LEVEL,
      /** A share that the author set. */
      SHARE,
      /** The loss that the author allows. */
      QUALITY
    }
  }

  /** {@code factor} times a variable. */
  public record Term(int variable, double factor) {
    public Term {
      if (!Double.isFinite(factor)) {
        throw new IllegalArgumentException("a factor of " + factor);
      }
    }
  }

  /** Whether some variable is a whole number. */
  public boolean mixed() {
    return variables.stream().anyMatch(Variable::whole);
  }

  /** The program as text: one line a row, numbers to six digits. For people and baselines. */
  public String text() {
    var lines = new ArrayList<String>();
    lines.add("minimize");
    lines.add("  " + sum(goal));
    lines.add("subject to");
    for (var row : rows) {
      lines.add("  " + row.name() + " [" + row.unit() + "]: " + between(row));
    }
    lines.add("where");
    for (var variable : variables) {
      lines.add(
          "  %s <= %s <= %s%s"
              .formatted(
                  number(variable.lower()),
                  variable.name(),
                  number(variable.upper()),
                  variable.whole() ? ", whole" : ""));
    }
    return String.join("\n", lines) + "\n";
  }

  private String between(Row row) {
    String sum = sum(row.terms());
    if (row.lower() == row.upper()) {
      return sum + " = " + number(row.lower());
    }
    String low = row.lower() == Double.NEGATIVE_INFINITY ? "" : number(row.lower()) + " <= ";
    String high = row.upper() == Double.POSITIVE_INFINITY ? "" : " <= " + number(row.upper());
    return low + sum + high;
  }

  private String sum(List<Term> terms) {
    if (terms.isEmpty()) {
      return "0";
    }
    var sum = new StringBuilder();
    for (var term : terms) {
      String sign = term.factor() < 0 ? "- " : sum.isEmpty() ? "" : "+ ";
      sum.append(sum.isEmpty() ? "" : " ").append(sign);
      double factor = Math.abs(term.factor());
      sum.append(factor == 1 ? "" : number(factor) + " ");
      sum.append(variables.get(term.variable()).name());
    }
    return sum.toString();
  }

  private static String number(double value) {
    if (Double.isInfinite(value)) {
      return value > 0 ? "inf" : "-inf";
    }
    return value == Math.rint(value) && Math.abs(value) < 1e9
        ? Long.toString((long) value)
        : String.format(Locale.ROOT, "%.6g", value).replaceAll("(\\.\\d*?)0+(e|$)", "$1$2");
  }

  private static void checkBounds(String name, double lower, double upper) {
    if (!(lower <= upper)) {
      throw new IllegalArgumentException("%s between %s and %s".formatted(name, lower, upper));
    }
  }
}
