package dev.stowage.plan.verify;

import dev.stowage.plan.Op;
import dev.stowage.plan.Section;
import dev.stowage.plan.Step;

/**
 * Sections walk through all layers once, upward; tokens are embedded before the first and rows
 * picked for logits after the last. Between layers there may be copies.
 */
final class LayersInOrder implements Invariant {
  @Override
  public void check(PlanIndex index, Findings findings) {
    int layers = index.plan.shape().layers();
    int next = 0;
    int embeds = 0;
    int picks = 0;
    for (var section : index.plan.sections()) {
      var where = PlanIndex.where(section);
      if (section.layers().isEmpty()) {
        if (next > 0 && next < layers && !copies(section)) {
          findings.add(where, "it stands between layers %d and %d", next - 1, next);
        }
        int embedsHere = count(section, Op.Embed.class);
        int picksHere = count(section, Op.Pick.class);
        if (embedsHere > 0 && next > 0) {
          findings.add(where, "tokens are embedded after layer %d", next - 1);
        }
        if (picksHere > 0 && next < layers) {
          findings.add(where, "rows are picked for logits before layer %d", next);
        }
        embeds += embedsHere;
        picks += picksHere;
      } else {
        if (section.layers().from() != next) {
          findings.add(where, "it takes layers %s, layer %d is next", section.layers(), next);
        }
        if (count(section, Op.Embed.class) + count(section, Op.Pick.class) > 0) {
          findings.add(where, "a layer neither embeds tokens nor picks rows");
        }
        next = section.layers().to();
      }
    }
    if (next < layers) {
      findings.add("plan", "no section takes layers %d..%d", next, layers);
    }
    if (embeds != 1) {
      findings.add("plan", "tokens are embedded %d times, expected once", embeds);
    }
    if (picks != 1) {
      findings.add("plan", "rows are picked for logits %d times, expected once", picks);
    }
  }

  private static boolean copies(Section section) {
    return section.steps().stream().allMatch(Step.Copy.class::isInstance);
  }

  private static int count(Section section, Class<? extends Op> op) {
    return (int)
        PlanIndex.steps(section, Step.Compute.class).stream()
            .filter(compute -> op.isInstance(compute.op()))
            .count();
  }
}
