package dev.stowage.compiler.explain;

import dev.stowage.plan.Prediction;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * The share of a phase in which a lane works. Shares of a full block and of a run that is smaller
 * can be compared, seconds cannot.
 *
 * @param phase {@code prefill} or {@code decode}
 * @param predicted empty for a bare plan, which does not tell
 */
record ComparedLane(String phase, String lane, OptionalDouble predicted, double measured) {
  /** Every lane of a run, in both phases if the run had both. */
  static List<ComparedLane> of(
      Prediction prediction, Optional<Explanation.Solution> solution, Measured run) {
    return List.of(Phase.PREFILL, Phase.DECODE).stream()
        .flatMap(
            phase ->
                run.lanes().stream()
                    .filter(lane -> phase.seconds(run) > 0)
                    .map(
                        lane ->
                            new ComparedLane(
                                phase.word,
                                lane.name(),
                                predicted(phase, lane.name(), prediction, solution),
                                phase.busy(lane) / phase.seconds(run))))
        .toList();
  }

  private static OptionalDouble predicted(
      Phase phase, String lane, Prediction prediction, Optional<Explanation.Solution> solution) {
    double seconds = phase.seconds(prediction);
    if (solution.isEmpty() || !(seconds > 0)) {
      return OptionalDouble.empty();
    }
    return OptionalDouble.of(
        solution.get().busy().stream()
                .filter(busy -> busy.phase().equals(phase.word) && busy.resource().equals(lane))
                .mapToDouble(Explanation.Busy::seconds)
                .sum()
            / seconds);
  }

  private enum Phase {
    PREFILL("prefill"),
    DECODE("decode");

    private final String word;

    Phase(String word) {
      this.word = word;
    }

    private double seconds(Measured run) {
      return switch (this) {
        case PREFILL -> run.prefillSeconds();
        case DECODE -> run.decodeSeconds();
      };
    }

    private double seconds(Prediction prediction) {
      return switch (this) {
        case PREFILL -> prediction.prefillSeconds();
        case DECODE -> prediction.decodeSeconds();
      };
    }

    private double busy(Measured.Lane lane) {
      return switch (this) {
        case PREFILL -> lane.prefillBusySeconds();
        case DECODE -> lane.decodeBusySeconds();
      };
    }
  }
}
