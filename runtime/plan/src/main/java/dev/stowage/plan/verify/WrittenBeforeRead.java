package dev.stowage.plan.verify;

import dev.stowage.plan.Section;
import dev.stowage.plan.Step;
import java.util.HashSet;
import java.util.List;

/** Within a pass, a buffer is written before it is read. */
final class WrittenBeforeRead implements Invariant {
  @Override
  public void check(PlanIndex index, Findings findings) {
    var written = new HashSet<String>();
    for (var section : index.plan.sections()) {
      for (var step : section.steps()) {
        for (var operand : reads(step)) {
          if (!written.contains(operand)) {
            findings.add(PlanIndex.where(section), "%s is read before it is written", operand);
          }
        }
        written.addAll(writes(step));
      }
    }
  }

  static List<String> reads(Step step) {
    return switch (step) {
      case Step.Load load -> List.of();
      case Step.Compute compute -> compute.reads();
      case Step.Attend attend -> List.of(attend.queries());
      case Step.Append append -> List.of(append.keys(), append.values());
      case Step.Copy copy -> List.of(copy.from());
    };
  }

  static List<String> writes(Step step) {
    return switch (step) {
      case Step.Load load -> List.of(load.ring());
      case Step.Compute compute -> List.of(compute.writes());
      case Step.Attend attend -> List.of(attend.writes());
      case Step.Append append -> List.of();
      case Step.Copy copy -> List.of(copy.to());
    };
  }

  /** What a stop reads that an earlier stop of the pass has written. */
  static List<String> carriedInto(Section section) {
    var written = new HashSet<String>();
    var carried = new java.util.LinkedHashSet<String>();
    for (var step : section.steps()) {
      reads(step).stream().filter(operand -> !written.contains(operand)).forEach(carried::add);
      written.addAll(writes(step));
    }
    return List.copyOf(carried);
  }
}
