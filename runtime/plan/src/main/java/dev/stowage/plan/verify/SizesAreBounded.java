package dev.stowage.plan.verify;

import dev.stowage.plan.Range;

/**
 * Counts are ones that a check can walk over, and every region lies within the model and the batch.
 */
final class SizesAreBounded implements Invariant {
  private static final int MOST_SEQUENCES = 1 << 20;
  private static final int MOST_REGIONS = 1 << 14;
  private static final int MOST_NAMES = 1 << 16;
  private static final int MOST_STEPS = 1 << 22;

  @Override
  public void check(PlanIndex index, Findings findings) {
    var plan = index.plan;
    var shape = plan.shape();
    atMost(findings, "batch", "sequences", plan.batch().sequences(), MOST_SEQUENCES);
    atMost(findings, "weights", "regions", plan.weights().size(), MOST_REGIONS);
    atMost(findings, "kv", "regions", plan.kv().size(), MOST_REGIONS);
    atMost(findings, "buffers", "buffers", plan.buffers().size(), MOST_NAMES);
    atMost(findings, "plan", "sections", plan.sections().size(), MOST_NAMES);
    atMost(findings, "machine", "devices", plan.machine().devices().size(), MOST_NAMES);
    long steps = 0;
    for (var section : plan.sections()) {
      within(findings, PlanIndex.where(section), "layers", section.layers(), shape.layers());
      steps += (long) section.repeats() * Math.max(1, section.steps().size());
    }
    atMost(findings, "plan", "steps of a pass", steps, MOST_STEPS);
    long layers = 0;
    for (var region : plan.weights()) {
      var where = region.weight().word();
      within(findings, where, "layers", region.layers(), index.layersOf(region.weight()));
      within(findings, where, "rows", region.rows(), shape.rows(region.weight()));
      layers += region.layers().size();
    }
    atMost(findings, "weights", "regions, counted layer by layer,", layers, MOST_STEPS);
    long sequences = 0;
    for (var region : plan.kv()) {
      sequences += region.sequences().size();
    }
    if (plan.batch().staggered()) { // their ages are walked over
      atMost(findings, "kv", "regions, counted sequence by sequence,", sequences, MOST_STEPS);
    }
    for (var region : plan.kv()) {
      var where = "region " + region.name();
      within(findings, where, "layers", region.layers(), shape.layers());
      within(findings, where, "sequences", region.sequences(), plan.batch().sequences());
      within(findings, where, "heads", region.heads(), shape.kvHeads());
      within(findings, where, "tokens", region.tokens(), plan.batch().tokens());
    }
  }

  private static void atMost(Findings findings, String where, String what, long count, long most) {
    if (count > most) {
      findings.add(where, "%d %s, at most %d are allowed", count, what, most);
    }
  }

  private static void within(Findings findings, String where, String what, Range range, int count) {
    if (range.to() > count) {
      findings.add(where, "%s %s, but there are %d", what, range, count);
    }
  }
}
