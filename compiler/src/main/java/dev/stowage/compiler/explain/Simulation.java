package dev.stowage.compiler.explain;

import dev.stowage.compiler.simulate.Simulator;
import dev.stowage.optimizer.DefaultRates;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Schedule;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A block on a virtual clock, as far as a report shows it.
 *
 * @param steps one prefill sweep and one decode sweep, and where they are long a part of each
 * @param stalls what the compute lane waited for, the longest first
 */
public record Simulation(
    double prefillSeconds,
    double decodeSeconds,
    double throughputTokensPerSecond,
    List<Timeline> steps,
    List<Stall> stalls) {
  /** Pieces of work on one lane that are drawn one by one; of more, the load is drawn. */
  private static final int MOST_PIECES = 120;

  /** Stops that are drawn as a whole only; of more, two are also drawn large. */
  private static final int SHORT = 8;

  public Simulation {
    steps = List.copyOf(steps);
    stalls = List.copyOf(stalls);
  }

  /**
   * @param phase {@code prefill} or {@code decode}
   * @param waitedFor the resource that was last to finish
   */
  public record Stall(String phase, String waitedFor, double seconds) {}

  /** Simulates a plan; empty where its machine lacks rates, as one written by hand may. */
  public static Optional<Simulation> of(ExecutablePlan plan, Schedule schedule) {
    if (!DefaultRates.complete(plan.machine()).equals(plan.machine())) {
      return Optional.empty();
    }
    var simulated = Simulator.simulate(plan, schedule);
    var steps = new ArrayList<Timeline>();
    for (var window : simulated.windows()) {
      steps.add(step(window.name(), window, window.startSeconds(), window.endSeconds()));
      large(window).ifPresent(steps::add);
    }
    var stalls =
        simulated.stalls().stream()
            .map(s -> new Stall(s.phase(), s.waitedFor(), s.seconds()))
            .toList();
    return Optional.of(
        new Simulation(
            simulated.prefillSeconds(),
            simulated.decodeSeconds(),
            simulated.throughputTokensPerSecond(),
            steps,
            stalls));
  }

  /** Two stops from the middle of a long sweep: while their work is on the compute lane. */
  private static Optional<Timeline> large(dev.stowage.compiler.simulate.Timeline.Window window) {
    var stops = window.spans().stream().map(s -> s.stop()).distinct().toList();
    if (stops.size() <= SHORT) {
      return Optional.empty();
    }
    var middle = List.of(stops.get(stops.size() / 2), stops.get(stops.size() / 2 + 1));
    double from = Double.POSITIVE_INFINITY;
    double to = 0;
    for (var span : window.spans()) {
      if (middle.contains(span.stop()) && span.lane().startsWith("compute(")) {
        from = Math.min(from, span.startSeconds());
        to = Math.max(to, span.endSeconds());
      }
    }
    return to > from
        ? Optional.of(
            step(
                "%s and %s of %s".formatted(middle.getFirst(), middle.getLast(), window.name()),
                window,
                from,
                to))
        : Optional.empty();
  }

  private static Timeline step(
      String title, dev.stowage.compiler.simulate.Timeline.Window window, double from, double to) {
    var byLane = new LinkedHashMap<String, List<Timeline.Interval>>();
    window.spans().stream()
        .filter(s -> s.endSeconds() > from && s.startSeconds() < to)
        .sorted(Comparator.comparingDouble(s -> s.startSeconds()))
        .forEach(
            s ->
                byLane
                    .computeIfAbsent(s.lane(), _ -> new ArrayList<>())
                    .add(
                        new Timeline.Interval(
                            "%s, %s, micro-batch %d".formatted(s.what(), s.stop(), s.microBatch()),
                            Math.max(s.startSeconds(), from) - from,
                            Math.min(s.endSeconds(), to) - from,
                            1)));
    var busy = new LinkedHashMap<String, Double>();
    byLane.forEach(
        (lane, all) ->
            busy.put(lane, all.stream().mapToDouble(i -> i.toSeconds() - i.fromSeconds()).sum()));
    String busiest =
        busy.entrySet().stream()
            .max(Map.Entry.comparingByValue())
            .map(Map.Entry::getKey)
            .orElse("");
    var lanes =
        byLane.entrySet().stream()
            .map(
                e ->
                    new Timeline.Lane(
                        e.getKey(),
                        busy.get(e.getKey()),
                        e.getKey().equals(busiest),
                        stretches(e.getValue(), to - from)))
            .sorted(Comparator.comparing(Timeline.Lane::name))
            .toList();
    return new Timeline(
        title, "Simulated on a virtual clock, with the rates below.", to - from, lanes);
  }

  /** The pieces themselves; or, where they are too many to see, how busy each stretch is. */
  private static List<Timeline.Interval> stretches(List<Timeline.Interval> all, double seconds) {
    if (all.size() <= MOST_PIECES || !(seconds > 0)) {
      return all;
    }
    double width = seconds / MOST_PIECES;
    var busy = new double[MOST_PIECES];
    for (var piece : all) {
      int first = Math.clamp((int) (piece.fromSeconds() / width), 0, MOST_PIECES - 1);
      for (int i = first; i < MOST_PIECES && i * width < piece.toSeconds(); i++) {
        double from = Math.max(piece.fromSeconds(), i * width);
        double to = Math.min(piece.toSeconds(), (i + 1) * width);
        busy[i] += Math.max(0, to - from);
      }
    }
    var stretches = new ArrayList<Timeline.Interval>();
    for (int i = 0; i < MOST_PIECES; i++) {
      if (busy[i] > 0) {
        stretches.add(
            new Timeline.Interval("", i * width, (i + 1) * width, Math.min(1, busy[i] / width)));
      }
    }
    return stretches;
  }
}
