package dev.stowage.plan.verify;

import dev.stowage.plan.Section;
import dev.stowage.plan.Step;
import java.util.HashSet;
import java.util.Set;

/**
 * Between its stops a micro-batch waits while others run: what one stop hands to the next has an
 * instance for every micro-batch, in the buffer itself and in those it is copied from and to.
 */
final class WaitingHasRoom implements Invariant {
  @Override
  public void check(PlanIndex index, Findings findings) {
    int microBatches = index.plan.batch().microBatches();
    for (var section : index.plan.sections()) {
      var carried = WrittenBeforeRead.carriedInto(section);
      if (carried.isEmpty()) {
        continue;
      }
      Set<String> buffers = new HashSet<>(carried);
      carried.forEach(buffer -> addTwins(section, buffer, buffers));
      long instances = buffers.stream().mapToLong(b -> index.buffer(b).instances()).sum();
      if (instances < microBatches) {
        findings.add(
            PlanIndex.where(section),
            "%s has room for %d of %d micro-batches that wait",
            String.join(", ", buffers.stream().sorted().toList()),
            instances,
            microBatches);
      }
    }
  }

  private static void addTwins(Section section, String buffer, Set<String> buffers) {
    for (var copy : PlanIndex.steps(section, Step.Copy.class)) {
      if (copy.from().equals(buffer)) {
        buffers.add(copy.to());
      }
      if (copy.to().equals(buffer)) {
        buffers.add(copy.from());
      }
    }
  }
}
