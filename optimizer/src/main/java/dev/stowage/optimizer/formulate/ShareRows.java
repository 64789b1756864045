package dev.stowage.optimizer.formulate;

import dev.stowage.optimizer.Bounds;
import dev.stowage.optimizer.LpModel.Row;
import dev.stowage.optimizer.LpModel.Term;
import dev.stowage.optimizer.Source;
import dev.stowage.optimizer.Thing;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * What the author decided:
 *
 * <pre>
 * atLeast ≤ Σ_{device of the bound} share of the thing's bytes ≤ atMost         hard
 * Σ_{device not listed} share ≤ 0                                               only on
 * Σ_{route a rule forbids} share[kv, route] ≤ 0                                 attention decode on
 * atLeast − missed ≤ Σ share ≤ atMost + missed                                  prefer
 * </pre>
 */
final class ShareRows {
  private ShareRows() {}

  static List<Row> of(Columns columns) {
    var rows = new ArrayList<Row>();
    var bounds = columns.problem.bounds();
    for (var only : bounds.only()) {
      if (decided(columns, only.thing())) {
        rows.add(
            row(
                only.thing().word() + " only on " + String.join(", ", only.devices()),
                String.join(", ", only.devices()),
                terms(columns, only.thing(), device -> !only.devices().contains(device)),
                Double.NEGATIVE_INFINITY,
                0,
                only.source()));
      }
    }
    for (var share : bounds.shares()) {
      if (decided(columns, share.thing())) {
        rows.add(
            row(
                share.thing().word() + " on " + String.join(", ", share.devices()),
                String.join(", ", share.devices()),
                terms(columns, share.thing(), share.devices()::contains),
                share.atLeast() - tolerance(columns, share.thing()),
                share.atMost() + tolerance(columns, share.thing()),
                share.source()));
      }
    }
    if (!columns.kv.isEmpty()) {
      for (var rule : bounds.attention()) {
        rows.add(attention(columns, rule));
      }
    }
    for (var missed : columns.missed) {
      addPreference(columns, missed, rows);
    }
    return rows;
  }

  static String name(Bounds.Preference preference) {
    return preference.thing().word() + " on " + String.join(", ", preference.devices());
  }

  private static Row attention(Columns columns, Bounds.AttentionPlace rule) {
    var forbidden =
        columns.kv.stream()
            .filter(c -> !rule.allows(c.route().home(), c.route().attendAt()))
            .map(c -> new Term(c.index(), c.ofAll()))
            .toList();
    return row(
        "attention decode on " + String.join(", ", rule.devices()),
        String.join(", ", rule.devices()),
        forbidden,
        Double.NEGATIVE_INFINITY,
        0,
        rule.source());
  }

  private static void addPreference(Columns columns, Columns.Missed missed, List<Row> rows) {
    var preference = missed.preference();
    var terms = terms(columns, preference.thing(), preference.devices()::contains);
    var below = new ArrayList<>(terms);
    below.add(new Term(missed.index(), 1));
    var above = new ArrayList<>(terms);
    above.add(new Term(missed.index(), -1));
    rows.add(preferred(preference, below, preference.atLeast(), Double.POSITIVE_INFINITY));
    rows.add(preferred(preference, above, Double.NEGATIVE_INFINITY, preference.atMost()));
  }

  private static Row preferred(
      Bounds.Preference preference, List<Term> terms, double lower, double upper) {
    return new Row(
        "prefer " + name(preference),
        Row.Kind.DEFINITION,
        String.join(", ", preference.devices()),
        "share",
        terms,
        lower,
        upper,
        List.of(preference.source()));
  }

  /** Shares in whole units are kept to within a unit. */
  private static double tolerance(Columns columns, Thing thing) {
    if (!columns.whole) {
      return 0;
    }
    return 0.999
        * switch (thing) {
          case Thing.Weights any -> 0;
          case Thing.Kv kv -> unit(columns, kv);
          case Thing.Activations any -> 1.0 / columns.batch.microBatches();
        };
  }

  private static boolean decided(Columns columns, Thing thing) {
    return switch (thing) {
      case Thing.Weights any -> true;
      case Thing.Kv any -> !columns.kv.isEmpty();
      case Thing.Activations any -> !columns.waiting.isEmpty();
    };
  }

  static List<Term> terms(Columns columns, Thing thing, Predicate<String> devices) {
    return switch (thing) {
      case Thing.Weights weights -> weightTerms(columns, weights, devices);
      case Thing.Kv kv -> kvTerms(columns, kv, devices);
      case Thing.Activations any ->
          columns.waiting.stream()
              .filter(c -> devices.test(c.device()))
              .map(c -> new Term(c.index(), 1))
              .toList();
    };
  }

  private static List<Term> kvTerms(Columns columns, Thing.Kv thing, Predicate<String> devices) {
    double all = layers(columns, thing) / (double) columns.problem.shape().layers();
    return columns.kv.stream()
        .filter(c -> c.part().group().within(thing) && devices.test(c.route().home()))
        .map(c -> new Term(c.index(), c.ofAll() / all))
        .toList();
  }

  /** A unit of every group of layers, as a share of the thing. */
  private static double unit(Columns columns, Thing.Kv thing) {
    int layers = layers(columns, thing);
    double unit = 0;
    for (var whole : KvPart.whole(columns.structure.kvGroups, columns.batch)) {
      if (whole.group().within(thing)) {
        unit +=
            (double) whole.group().layers()
                / layers
                * (1.0 / whole.units(columns.problem, columns.batch));
      }
    }
    return unit;
  }

  private static int layers(Columns columns, Thing.Kv thing) {
    return columns.structure.kvGroups.stream()
        .filter(g -> g.within(thing))
        .mapToInt(KvGroup::layers)
        .sum();
  }

  private static List<Term> weightTerms(
      Columns columns, Thing.Weights thing, Predicate<String> devices) {
    var shape = columns.problem.shape();
    double all =
        columns.classes.stream().filter(c -> c.within(thing)).mapToLong(c -> c.bytes(shape)).sum();
    return columns.weights.stream()
        .filter(c -> c.of().within(thing) && devices.test(c.home()))
        .map(c -> new Term(c.index(), c.of().bytes(shape) / all))
        .toList();
  }

  private static Row row(
      String name, String resource, List<Term> terms, double lower, double upper, Source source) {
    return new Row(name, Row.Kind.SHARE, resource, "share", terms, lower, upper, List.of(source));
  }
}
