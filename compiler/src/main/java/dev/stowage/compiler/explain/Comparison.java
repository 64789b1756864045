package dev.stowage.compiler.explain;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stowage.compiler.explain.Explanation.Device;
import dev.stowage.plan.Asked;
import dev.stowage.plan.text.Amount;
import dev.stowage.plan.text.Table;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;

/**
 * Two plans side by side: decisions, bytes, predicted metrics, and what limits them.
 *
 * @param a how the first plan is called
 * @param b how the second is called
 * @param rows of all that either plan says, alike or not
 */
public record Comparison(String a, String b, List<Row> rows) {
  private static final int WIDEST = 44;

  public Comparison {
    Objects.requireNonNull(a);
    Objects.requireNonNull(b);
    rows = List.copyOf(rows);
  }

  /** What a row is about. */
  public enum Group {
    DECISIONS,
    BYTES,
    PREDICTED,
    LIMITS
  }

  /** What an amount is counted in. */
  public enum Unit {
    COUNT(""),
    SHARE(""),
    BYTES("_bytes"),
    SECONDS("_s"),
    TOKENS_PER_SECOND("_tok_per_s");

    private final String suffix;

    Unit(String suffix) {
      this.suffix = suffix;
    }

    private String show(double value) {
      return switch (this) {
        case COUNT -> Long.toString(Math.round(value));
        case SHARE -> Amount.percent(value);
        case BYTES -> Amount.bytes(Math.round(value));
        case SECONDS -> HumanReport.sign(value) + Amount.seconds(Math.abs(value));
        case TOKENS_PER_SECOND -> HumanReport.sign(value) + Amount.rate(Math.abs(value));
      };
    }
  }

  /** One thing that both plans say something of. */
  public sealed interface Row {
    Group group();

    String name();

    boolean differs();

    /** Said in words; empty where a plan says nothing. */
    record Words(Group group, String name, String a, String b) implements Row {
      @Override
      public boolean differs() {
        return !a.equals(b);
      }
    }

    /** Said in an amount; what a plan has none of is 0. */
    record Amounts(Group group, String name, Unit unit, double a, double b) implements Row {
      @Override
      public boolean differs() {
        return a != b;
      }
    }
  }

  public static Comparison of(String nameOfA, Explanation a, String nameOfB, Explanation b) {
    var rows = new ArrayList<Row>();
    decisions(rows, a, b);
    bytes(rows, a, b);
    predicted(rows, a, b);
    limits(rows, a, b);
    return new Comparison(nameOfA, nameOfB, rows);
  }

  private static void decisions(List<Row> rows, Explanation a, Explanation b) {
    words(rows, Group.DECISIONS, "model", a, b, e -> e.model().source());
    words(rows, Group.DECISIONS, "weights stored as", a, b, e -> e.model().weightType());
    words(rows, Group.DECISIONS, "KV stored as", a, b, e -> e.model().kvType());
    amounts(rows, Group.DECISIONS, "sequences", Unit.COUNT, a, b, e -> e.batch().sequences());
    amounts(
        rows, Group.DECISIONS, "micro-batches", Unit.COUNT, a, b, e -> e.batch().microBatches());
    amounts(
        rows, Group.DECISIONS, "prompt tokens", Unit.COUNT, a, b, e -> e.batch().promptTokens());
    amounts(
        rows,
        Group.DECISIONS,
        "generated tokens",
        Unit.COUNT,
        a,
        b,
        e -> e.batch().generateTokens());
    amounts(
        rows,
        Group.DECISIONS,
        "prefill chunk tokens",
        Unit.COUNT,
        a,
        b,
        e -> e.batch().prefillChunk());
    words(rows, Group.DECISIONS, "order", a, b, e -> e.schedule().order());
    amounts(
        rows,
        Group.DECISIONS,
        "stops loaded ahead",
        Unit.COUNT,
        a,
        b,
        e -> e.schedule().prefetch());
    words(
        rows,
        Group.DECISIONS,
        "lanes beside compute",
        a,
        b,
        e -> String.join(", ", e.schedule().lanes()));
    var sharesOfA = shares(a);
    var sharesOfB = shares(b);
    for (var name : union(sharesOfA, sharesOfB)) {
      rows.add(
          new Row.Words(
              Group.DECISIONS, name + ", asked", asked(sharesOfA, name), asked(sharesOfB, name)));
      rows.add(
          new Row.Amounts(
              Group.DECISIONS,
              name,
              Unit.SHARE,
              realised(sharesOfA, name),
              realised(sharesOfB, name)));
    }
  }

  private static Map<String, Asked> shares(Explanation explained) {
    return explained.shares().stream()
        .collect(
            Collectors.toMap(
                s -> s.what() + " on " + s.device(),
                Function.identity(),
                (first, _) -> first,
                LinkedHashMap::new));
  }

  private static String asked(Map<String, Asked> shares, String name) {
    return shares.containsKey(name) ? shares.get(name).asked() : "";
  }

  private static double realised(Map<String, Asked> shares, String name) {
    return shares.containsKey(name) ? shares.get(name).realised() : 0;
  }

  private static void bytes(List<Row> rows, Explanation a, Explanation b) {
    var names = new LinkedHashSet<String>();
    a.devices().forEach(device -> names.add(device.name()));
    b.devices().forEach(device -> names.add(device.name()));
    for (var name : names) {
      bytes(rows, "weights on " + name, name, a, b, Device::weightBytes);
      bytes(rows, "kv on " + name, name, a, b, Device::kvBytes);
      bytes(rows, "activations on " + name, name, a, b, Device::activationBytes);
      bytes(rows, "working set on " + name, name, a, b, Device::workingBytes);
      bytes(rows, "free on " + name, name, a, b, Device::freeBytes);
    }
  }

  private static void bytes(
      List<Row> rows,
      String row,
      String device,
      Explanation a,
      Explanation b,
      ToLongFunction<Device> of) {
    amounts(
        rows,
        Group.BYTES,
        row,
        Unit.BYTES,
        a,
        b,
        e -> e.device(device).map(d -> (double) of.applyAsLong(d)).orElse(0.0));
  }

  private static void predicted(List<Row> rows, Explanation a, Explanation b) {
    amounts(
        rows,
        Group.PREDICTED,
        "throughput",
        Unit.TOKENS_PER_SECOND,
        a,
        b,
        e -> e.predicted().throughputTokensPerSecond());
    amounts(
        rows,
        Group.PREDICTED,
        "prefill",
        Unit.TOKENS_PER_SECOND,
        a,
        b,
        e -> e.predicted().prefillTokensPerSecond());
    amounts(
        rows,
        Group.PREDICTED,
        "decode",
        Unit.TOKENS_PER_SECOND,
        a,
        b,
        e -> e.predicted().decodeTokensPerSecond());
    amounts(
        rows,
        Group.PREDICTED,
        "prefill of a block",
        Unit.SECONDS,
        a,
        b,
        e -> e.predicted().prefillSeconds());
    amounts(
        rows,
        Group.PREDICTED,
        "decode of a block",
        Unit.SECONDS,
        a,
        b,
        e -> e.predicted().decodeSeconds());
  }

  private static void limits(List<Row> rows, Explanation a, Explanation b) {
    words(rows, Group.LIMITS, "prefill bound by", a, b, e -> e.predicted().prefillBound());
    words(rows, Group.LIMITS, "decode bound by", a, b, e -> e.predicted().decodeBound());
    var pricesOfA = prices(a);
    var pricesOfB = prices(b);
    for (var name : union(pricesOfA, pricesOfB)) {
      rows.add(
          new Row.Amounts(
              Group.LIMITS,
              name,
              Unit.TOKENS_PER_SECOND,
              pricesOfA.getOrDefault(name, 0.0),
              pricesOfB.getOrDefault(name, 0.0)));
    }
  }

  /** Throughput for one more unit, by limit; none of a bare plan, which does not know. */
  private static Map<String, Double> prices(Explanation explained) {
    var prices = new LinkedHashMap<String, Double>();
    explained
        .solution()
        .ifPresent(
            solution ->
                solution
                    .prices()
                    .forEach(
                        p ->
                            prices.put(
                                "one more %s of %s".formatted(p.unit(), p.limit()),
                                p.tokensPerSecondPerUnit())));
    return prices;
  }

  private static LinkedHashSet<String> union(Map<String, ?> a, Map<String, ?> b) {
    var names = new LinkedHashSet<>(a.keySet());
    names.addAll(b.keySet());
    return names;
  }

  private static void words(
      List<Row> rows,
      Group group,
      String name,
      Explanation a,
      Explanation b,
      Function<Explanation, String> of) {
    rows.add(new Row.Words(group, name, of.apply(a), of.apply(b)));
  }

  private static void amounts(
      List<Row> rows,
      Group group,
      String name,
      Unit unit,
      Explanation a,
      Explanation b,
      ToDoubleFunction<Explanation> of) {
    rows.add(new Row.Amounts(group, name, unit, of.applyAsDouble(a), of.applyAsDouble(b)));
  }

  /** Whether the plans differ in anything. */
  public boolean differs() {
    return rows.stream().anyMatch(Row::differs);
  }

  /** For people: what differs, group by group; the predicted metrics whether they do or not. */
  public String human() {
    var text = new StringBuilder();
    text.append("a  ").append(a).append("\nb  ").append(b).append('\n');
    for (var group : Group.values()) {
      var table = new Table(title(group), "a>", "b>", "change>");
      int shown = 0;
      for (var row : rows) {
        if (row.group() == group && (row.differs() || group == Group.PREDICTED)) {
          show(table, row);
          shown++;
        }
      }
      text.append('\n').append(shown > 0 ? table.text() : "  " + title(group) + ": alike\n");
    }
    return text.toString();
  }

  private static String title(Group group) {
    return group.name().toLowerCase(Locale.ROOT);
  }

  private static void show(Table table, Row row) {
    switch (row) {
      case Row.Words(_, var name, var inA, var inB) ->
          table.row(name, clipped(inA), clipped(inB), "");
      case Row.Amounts(_, var name, var unit, var inA, var inB) ->
          table.row(name, unit.show(inA), unit.show(inB), change(unit, inA, inB));
    }
  }

  /** A long statement would push the other plan off the screen; the JSON has all of it. */
  private static String clipped(String words) {
    if (words.isEmpty()) {
      return "-";
    }
    return words.length() <= WIDEST ? words : words.substring(0, WIDEST - 1) + "…";
  }

  private static String change(Unit unit, double a, double b) {
    if (a == b) {
      return "";
    }
    if (unit == Unit.SHARE) {
      return Amount.format("%+.1f points", 100 * (b - a));
    }
    if (unit == Unit.BYTES) {
      return (b < a ? "-" : "+") + Amount.bytes(Math.round(Math.abs(b - a)));
    }
    return a == 0 ? "" : Amount.format("%+.1f %%", 100 * (b / a - 1));
  }

  /** All rows, with units in the keys. */
  public ObjectNode json() {
    var result = JsonReport.MAPPER.createObjectNode().put("schemaVersion", 1);
    result.put("a", a).put("b", b).put("differs", differs());
    for (var group : Group.values()) {
      var array = result.putArray(title(group));
      for (var row : rows) {
        if (row.group() == group) {
          var node = array.addObject().put("name", row.name()).put("differs", row.differs());
          switch (row) {
            case Row.Words(_, _, var inA, var inB) -> node.put("a", inA).put("b", inB);
            case Row.Amounts(_, _, var unit, var inA, var inB) ->
                node.put("a" + unit.suffix, inA).put("b" + unit.suffix, inB);
          }
        }
      }
    }
    return result;
  }
}
