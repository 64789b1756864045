package dev.stowage.plan.verify;

import dev.stowage.plan.Section;
import dev.stowage.plan.Stages;
import dev.stowage.plan.Step;
import java.util.List;

/**
 * A section computes on one device, and so do the neighbouring layers of a stage: a device has all
 * its layers in a row, the first one embeds and the last one has the head. Between two stages, and
 * nowhere else, a section of its own copies hidden states from one to the next.
 */
final class StagesInOrder implements Invariant {
  @Override
  public void check(PlanIndex index, Findings findings) {
    for (var section : index.plan.sections()) {
      onOneDevice(findings, section);
    }
    if (index.plan.findStages().isEmpty()) {
      findings.add("plan", "layers are computed in turns by devices: each takes neighbouring ones");
      return;
    }
    var stages = index.stages();
    int layers = index.plan.shape().layers();
    int next = 0; // layer
    int arrived = 0; // the stage that hidden states are at
    for (var section : index.plan.sections()) {
      var where = PlanIndex.where(section);
      var at = Stages.computesAt(section);
      if (section.layers().isEmpty() && at.isEmpty()) {
        if (copiesHidden(section, stages, arrived)
            && next == stages.list().get(arrived).layers().to()) {
          arrived++;
        } else {
          findings.add(
              where, "it computes nothing, and brings no stage's hidden states to the next");
        }
        continue;
      }
      int stage = stages.number(Math.min(next, layers - 1));
      if (at.isPresent() && !at.get().equals(stages.list().get(stage).device())) {
        findings.add(
            where,
            "it computes at %s, its stage at %s",
            at.get(),
            stages.list().get(stage).device());
      }
      if (stage != arrived) {
        findings.add(where, "hidden states are still on %s", stages.list().get(arrived).device());
        arrived = stage;
      }
      if (!section.layers().isEmpty()) {
        next = section.layers().to();
      }
    }
  }

  private static void onOneDevice(Findings findings, Section section) {
    var devices =
        PlanIndex.steps(section, Step.Compute.class).stream()
            .map(Step.Compute::at)
            .distinct()
            .toList();
    if (devices.size() > 1) {
      findings.add(
          PlanIndex.where(section),
          "computes at %s, but also at %s",
          devices.get(1),
          devices.get(0));
    }
  }

  /** Whether a section takes hidden states from a stage to the one after it. */
  private static boolean copiesHidden(Section section, Stages stages, int from) {
    if (from + 1 >= stages.count()) {
      return false;
    }
    var devices = stages.devices();
    return section
        .steps()
        .equals(
            List.of(
                new Step.Copy(
                    stages.own("hidden", devices.get(from)),
                    stages.own("hidden", devices.get(from + 1)))));
  }
}
