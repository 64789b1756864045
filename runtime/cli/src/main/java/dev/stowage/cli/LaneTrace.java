package dev.stowage.cli;

import dev.stowage.compiler.simulate.Simulator;
import dev.stowage.compiler.simulate.Timeline;
import dev.stowage.runtime.session.Recording;
import java.util.List;
import java.util.Optional;

/**
 * What lanes did beside what they would do on the simulator's clock: the simulated first sweep of
 * prompts lies where the measured one does, and so the sweep in the middle of decoding.
 */
final class LaneTrace {
  private LaneTrace() {}

  static ChromeTrace of(Planned planned, Recording recording) {
    var trace = new ChromeTrace("measured and simulated", planned.plan().name());
    measured(planned.plan().name(), recording, trace);
    var timeline = Simulator.simulate(planned.plan(), planned.schedule());
    var process =
        trace.process(
            planned.plan().name() + " (simulated)",
            timeline.lanes().stream().map(Timeline.Lane::name).toList());
    for (int i = 0; i < timeline.windows().size(); i++) {
      var window = timeline.windows().get(i);
      var beside = beside(recording.sweeps(), i == 0);
      if (beside.isPresent()) {
        double later = beside.get().startSeconds() - window.startSeconds();
        SimulationReport.add(window, later, process);
      }
    }
    return trace;
  }

  private static void measured(String plan, Recording recording, ChromeTrace trace) {
    var process =
        trace.process(
            plan + " (measured)", recording.lanes().stream().map(Recording.Lane::name).toList());
    int sweep = 0;
    var spans =
        recording.spans().stream()
            .sorted((a, b) -> Double.compare(a.startSeconds(), b.startSeconds()))
            .toList();
    for (var span : spans) {
      while (sweep + 1 < recording.sweeps().size()
          && span.startSeconds() >= recording.sweeps().get(sweep + 1).startSeconds()) {
        sweep++;
      }
      var category = recording.sweeps().isEmpty() ? "" : name(recording.sweeps().get(sweep));
      var arguments =
          process.span(span.lane(), span.what(), category, span.startSeconds(), span.endSeconds());
      arguments.put("stop", span.stop());
      if (span.microBatch() >= 0) {
        arguments.put("micro-batch", span.microBatch());
      }
      if (span.bytes() > 0) {
        arguments.put("bytes", span.bytes());
      }
    }
  }

  private static String name(Recording.Sweep sweep) {
    return "%s sweep %d".formatted(sweep.prefill() ? "prefill" : "decode", sweep.index() + 1);
  }

  /** The first sweep of prompts, or the one in the middle of the others. */
  private static Optional<Recording.Sweep> beside(List<Recording.Sweep> sweeps, boolean prefill) {
    var same = sweeps.stream().filter(sweep -> sweep.prefill() == prefill).toList();
    if (same.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(same.get(prefill ? 0 : same.size() / 2));
  }
}
