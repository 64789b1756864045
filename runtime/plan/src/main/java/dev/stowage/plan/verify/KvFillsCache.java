package dev.stowage.plan.verify;

import dev.stowage.plan.KvRegion;
import java.util.Comparator;

/**
 * KV regions are disjoint and fill the box {@code layers × sequences × kv heads × token positions}.
 * Disjoint boxes within the box fill it when their volumes add up. Sparse attention chooses by no
 * more channels than a head has.
 */
final class KvFillsCache implements Invariant {
  @Override
  public void check(PlanIndex index, Findings findings) {
    var plan = index.plan;
    if (plan.kvType().wholeGroups()) {
      findings.add(
          "kv", "kept as %s, which is a type of weights in files only", plan.kvType().word());
    }
    var regions =
        plan.kv().stream().sorted(Comparator.comparingInt(r -> r.layers().from())).toList();
    long filled = 0;
    for (int i = 0; i < regions.size(); i++) {
      var region = regions.get(i);
      region
          .sparsity()
          .filter(s -> s.channels() > plan.shape().headDim())
          .ifPresent(
              s ->
                  findings.add(
                      "region " + region.name(),
                      "attention chooses by %d channels of a head's %d",
                      s.channels(),
                      plan.shape().headDim()));
      filled = Math.addExact(filled, volume(region));
      for (int j = i + 1;
          j < regions.size() && regions.get(j).layers().from() < region.layers().to();
          j++) {
        if (region.overlaps(regions.get(j))) {
          findings.add("region " + region.name(), "it overlaps region %s", regions.get(j).name());
          return;
        }
      }
    }
    long box =
        Math.multiplyExact(
            Math.multiplyExact((long) plan.shape().layers(), (long) plan.batch().sequences()),
            Math.multiplyExact((long) plan.shape().kvHeads(), (long) plan.batch().tokens()));
    if (filled < box) {
      findings.add(
          "kv",
          "regions hold %d of the %d keys (layers × sequences × heads × tokens)",
          filled,
          box);
    }
  }

  private static long volume(KvRegion region) {
    return Math.multiplyExact(
        Math.multiplyExact((long) region.layers().size(), (long) region.sequences().size()),
        Math.multiplyExact((long) region.heads().size(), (long) region.tokens().size()));
  }
}
