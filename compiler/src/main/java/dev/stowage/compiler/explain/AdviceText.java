package dev.stowage.compiler.explain;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stowage.compiler.Compilation;
import dev.stowage.optimizer.Optimizer;
import dev.stowage.optimizer.PlacementOutcome.Placed;
import dev.stowage.optimizer.Problem;
import dev.stowage.optimizer.advice.Advice;
import dev.stowage.optimizer.ortools.GlopSolver;
import dev.stowage.plan.text.Amount;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/** Advice for a compiled plan, and how reports say it. */
public final class AdviceText {
  private AdviceText() {}

  /** Advice for what was just compiled; plans many times, so on demand only. */
  public static Advice of(Compilation.Compiled compiled) {
    return Advice.of(problem(compiled), compiled.placement(), new GlopSolver());
  }

  /** The problem that the plan answers: of several, the one with this very answer. */
  static Problem problem(Compilation.Compiled compiled) {
    var problems = compiled.resolved().problems();
    for (var problem : problems) {
      if (problems.size() == 1
          || new Optimizer(new GlopSolver()).place(problem) instanceof Placed(var placement)
              && placement.equals(compiled.placement())) {
        return problem;
      }
    }
    throw new IllegalArgumentException("a placement that answers none of its problems");
  }

  /** A table of advice in words. */
  record Part(String title, String lead, List<String> heads, List<List<String>> rows) {}

  static List<Part> parts(Advice advice) {
    var parts = new ArrayList<Part>();
    var purchases = new ArrayList<List<String>>();
    for (var p : advice.purchases()) {
      if (advice.tells(p.gain())
          || p.slope().isPresent() && advice.tells(p.slope().getAsDouble())) {
        purchases.add(
            List.of(
                p.resource().words(),
                amount(p.now(), p.resource().unit()),
                gain(advice, p.slope()),
                gain(advice, p.sameShape()),
                gain(advice, p.replanned())));
      }
    }
    parts.add(
        new Part(
            "what to buy next",
            purchases.isEmpty()
                ? "10 % more of no single resource makes the plan noticeably faster."
                : "Throughput gained by 10 % more of one resource: by the slope here, solved again at this batch shape, planned anew. Where they differ, the first ones hold for less than 10 %.",
            List.of("10 % more", "now>", "slope>", "same batch>", "planned anew>"),
            purchases));
    parts.add(
        new Part(
            "what your own statements cost",
            "Throughput gained by planning without the statement.",
            List.of("without", "throughput by>"),
            advice.statements().stream()
                .map(s -> List.of(s.statement().text(), gain(advice, OptionalDouble.of(s.gain()))))
                .toList()));
    parts.add(
        new Part(
            "when an unused place of KV pays",
            "The smallest rate found with which a plan uses it, all else as it is.",
            List.of("place", "pays from", "now>"),
            advice.routes().stream()
                .map(
                    r ->
                        List.of(
                            r.words(),
                            r.factor()
                                    .map(f -> amount(r.now() * f, r.governing().unit()) + " ")
                                    .orElse("not up to 8 times the ")
                                + r.governing().words(),
                            amount(r.now(), r.governing().unit())))
                .toList()));
    parts.add(
        new Part(
            "the best plans of another kind",
            "Planned with all else free.",
            List.of("plan", "throughput>", "of this plan's>"),
            advice.runnersUp().stream()
                .map(
                    r ->
                        List.of(
                            r.words(),
                            Amount.rate(r.throughput()),
                            Amount.percent(r.throughput() / advice.throughput())))
                .toList()));
    return parts.stream()
        .filter(part -> !part.rows().isEmpty() || part == parts.getFirst())
        .toList();
  }

  private static String gain(Advice advice, OptionalDouble gain) {
    if (gain.isEmpty()) {
      return "not planned";
    }
    double value = gain.getAsDouble();
    return advice.tells(value)
        ? HumanReport.signed(value, Amount.rate(Math.abs(value)))
        : "none that tells";
  }

  private static String amount(double value, String unit) {
    return switch (unit) {
      case "B" -> Amount.bytes((long) value);
      case "B/s" -> Amount.format("%.3g GB/s", value / 1e9);
      default -> Amount.format("%.3g GFLOP/s", value / 1e9);
    };
  }

  static void json(ObjectNode node, Advice advice) {
    node.put("throughput_tok_per_s", advice.throughput());
    var purchases = node.putArray("more_of_10_percent");
    for (var p : advice.purchases()) {
      var one =
          purchases
              .addObject()
              .put("resource", p.resource().words())
              .put("now", p.now())
              .put("unit", p.resource().unit());
      p.slope().ifPresent(v -> one.put("slope_tok_per_s", v));
      p.sameShape().ifPresent(v -> one.put("same_batch_tok_per_s", v));
      p.replanned().ifPresent(v -> one.put("replanned_tok_per_s", v));
    }
    var statements = node.putArray("without_statement");
    for (var s : advice.statements()) {
      statements.addObject().put("statement", s.statement().text()).put("gain_tok_per_s", s.gain());
    }
    var routes = node.putArray("unused_routes");
    for (var r : advice.routes()) {
      var one =
          routes
              .addObject()
              .put("route", r.words())
              .put("rate", r.governing().words())
              .put("now", r.now())
              .put("unit", r.governing().unit());
      r.factor().ifPresent(f -> one.put("pays_from", r.now() * f).put("factor", f));
    }
    var runners = node.putArray("runners_up");
    for (var r : advice.runnersUp()) {
      runners.addObject().put("plan", r.words()).put("throughput_tok_per_s", r.throughput());
    }
    var leftOut = node.putArray("left_out");
    advice.leftOut().forEach(leftOut::add);
  }
}
