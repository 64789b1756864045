package dev.stowage.compiler.simulate;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.text.PlanParser;
import dev.stowage.plan.text.ScheduleParser;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The program prices whole phases, the virtual clock single steps: both for every baseline. */
class PredictionAgreesTest {
  private static final Path BASELINES = Path.of("src/test/resources/baselines").toAbsolutePath();

  /** A simulated block differs by this part of the prediction, where nothing waits unforeseen. */
  private static final double WITHIN = 0.05;

  /** Waiting is this part of what a block takes beyond that, or more. */
  private static final double NAMED = 0.8;

  /** Prefill and decode in brackets. */
  @Test
  void aBlockTakesWhatIsPredictedAndWhatItTakesBeyondIsNamedWaiting() throws Exception {
    int compared = 0;
    int near = 0;
    for (var folder : plans()) {
      var plan = PlanParser.parse(Files.readString(folder.resolve("main.plan")));
      var schedule = ScheduleParser.parse(Files.readString(folder.resolve("main.schedule")));
      var timeline = Simulator.simulate(plan, schedule);
      double predicted = plan.predicted().prefillSeconds() + plan.predicted().decodeSeconds();
      double waiting = timeline.stalls().stream().mapToDouble(Timeline.Stall::seconds).sum();
      var told =
          String.format(
              Locale.ROOT,
              "%s: predicted %.4g s (%.4g + %.4g), simulated %.4g s (%+.1f %%; %.4g + %.4g), waiting %.4g s: %s",
              folder.getFileName(),
              predicted,
              plan.predicted().prefillSeconds(),
              plan.predicted().decodeSeconds(),
              timeline.seconds(),
              100 * (timeline.seconds() / predicted - 1),
              timeline.prefillSeconds(),
              timeline.decodeSeconds(),
              waiting,
              timeline.stalls().stream()
                  .limit(3)
                  .map(s -> s.phase() + " " + s.waitedFor() + " " + s.seconds())
                  .collect(Collectors.joining(", ")));
      System.out.println(told);
      double beyond = timeline.seconds() - predicted;
      boolean within = Math.abs(beyond) <= WITHIN * predicted;
      assertTrue(within || beyond > 0 && waiting >= NAMED * beyond, told);
      compared++;
      near += within ? 1 : 0;
    }
    assertTrue(compared >= 10, compared + " plans were compared");
    assertTrue(near >= 10, near + " of " + compared + " plans take what is predicted");
  }

  private static List<Path> plans() throws Exception {
    try (var folders = Files.list(BASELINES)) {
      return folders.filter(f -> Files.exists(f.resolve("main.plan"))).sorted().toList();
    }
  }
}
