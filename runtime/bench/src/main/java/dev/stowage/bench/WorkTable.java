package dev.stowage.bench;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.simulate.Simulator;
import dev.stowage.compiler.simulate.Timeline;
import dev.stowage.runtime.session.Recording;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Kinds of work in a sweep, as the simulator prices them and as they were heard of: the first sweep
 * of prefill, and the middle one of decode beside the mean of all.
 */
final class WorkTable {
  private static final String REST = "between";

  /**
   * A kind of work.
   *
   * @param what such as {@code matmul mlp.up}; {@code between} is what a sweep takes beside work of
   *     the compute lane
   */
  record Line(
      String phase, String lane, String what, double predictedSeconds, double measuredSeconds) {}

  private record Kind(String lane, String what) implements Comparable<Kind> {
    @Override
    public int compareTo(Kind other) {
      return (lane + " " + what).compareTo(other.lane + " " + other.what);
    }
  }

  private WorkTable() {}

  static List<Line> of(Compilation.Compiled compiled, Recording recording) {
    var timeline = Simulator.simulate(compiled.plan(), compiled.schedule());
    var lines = new ArrayList<Line>();
    add(lines, "prefill", timeline.windows().getFirst(), recording);
    add(lines, "decode", timeline.windows().getLast(), recording);
    return lines;
  }

  private static void add(
      List<Line> lines, String phase, Timeline.Window window, Recording recording) {
    boolean prefill = phase.equals("prefill");
    var sweeps =
        recording.sweeps().stream()
            .filter(s -> s.prefill() == prefill && (!prefill || s.index() == 0))
            .toList();
    var predicted = new TreeMap<Kind, Double>();
    var measured = new TreeMap<Kind, Double>();
    for (var span : window.spans()) {
      double seconds = span.endSeconds() - span.startSeconds();
      predicted.merge(new Kind(span.lane(), span.what()), seconds, Double::sum);
    }
    for (var span : recording.spans()) {
      if (sweeps.stream()
          .anyMatch(
              s ->
                  s.startSeconds() <= span.startSeconds()
                      && span.startSeconds() < s.endSeconds())) {
        double seconds = (span.endSeconds() - span.startSeconds()) / sweeps.size();
        measured.merge(new Kind(span.lane(), span.what()), seconds, Double::sum);
      }
    }
    double swept =
        sweeps.stream().mapToDouble(s -> s.endSeconds() - s.startSeconds()).sum() / sweeps.size();
    measured.put(new Kind("", REST), swept - busy(measured));
    predicted.put(
        new Kind("", REST), window.endSeconds() - window.startSeconds() - busy(predicted));
    measured.keySet().forEach(kind -> predicted.putIfAbsent(kind, 0.0));
    predicted.forEach(
        (kind, seconds) ->
            lines.add(
                new Line(
                    phase, kind.lane(), kind.what(), seconds, measured.getOrDefault(kind, 0.0))));
  }

  private static double busy(Map<Kind, Double> work) {
    return work.entrySet().stream()
        .filter(e -> e.getKey().lane().startsWith("compute("))
        .mapToDouble(Map.Entry::getValue)
        .sum();
  }
}
