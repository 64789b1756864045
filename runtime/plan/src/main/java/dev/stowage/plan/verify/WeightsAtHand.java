package dev.stowage.plan.verify;

import dev.stowage.plan.Footprint;
import dev.stowage.plan.Op;
import dev.stowage.plan.Section;
import dev.stowage.plan.Step;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;

/**
 * The rows of a product lie where it is computed, in one piece: in one region of that home, or in
 * what one earlier load of the section brought into a ring there. Loads take rows from where they
 * lie, and a slot of the ring has room for all loads of a stop.
 */
final class WeightsAtHand implements Invariant {
  @Override
  public void check(PlanIndex index, Findings findings) {
    for (var section : index.plan.sections()) {
      var loads = new ArrayList<Step.Load>();
      for (var step : section.steps()) {
        if (step instanceof Step.Load load) {
          checkSource(index, findings, section, load);
          loads.add(load);
        } else if (step instanceof Step.Compute compute
            && compute.op() instanceof Op.MatMul product) {
          checkProduct(index, findings, section, compute.at(), product, loads);
        }
      }
      checkRoom(index, findings, section, loads);
    }
  }

  private static void checkSource(
      PlanIndex index, Findings findings, Section section, Step.Load load) {
    for (int layer : layers(section, load.weight().perLayer())) {
      for (var region : index.weights(load.weight(), layer)) {
        if (region.rows().overlaps(load.rows()) && !region.home().equals(load.from())) {
          findings.add(
              PlanIndex.where(section),
              "rows %s of %s are loaded from %s, but rows %s lie on %s",
              load.rows(),
              load.weight().word(),
              load.from(),
              region.rows(),
              region.home());
          return;
        }
        if (region.rows().overlaps(load.rows()) && region.type() != load.type()) {
          findings.add(
              PlanIndex.where(section),
              "rows %s of %s are loaded as %s, but rows %s are stored as %s",
              load.rows(),
              load.weight().word(),
              load.type().word(),
              region.rows(),
              region.type().word());
          return;
        }
      }
    }
  }

  private static void checkProduct(
      PlanIndex index,
      Findings findings,
      Section section,
      String at,
      Op.MatMul product,
      List<Step.Load> loads) {
    boolean loaded =
        loads.stream()
            .anyMatch(
                load ->
                    load.weight() == product.weight()
                        && load.rows().contains(product.rows())
                        && index.buffer(load.ring()).device().equals(at));
    if (loaded) {
      return;
    }
    for (int layer : layers(section, product.weight().perLayer())) {
      boolean resident =
          index.weights(product.weight(), layer).stream()
              .anyMatch(
                  region -> region.home().equals(at) && region.rows().contains(product.rows()));
      if (!resident) {
        findings.add(
            PlanIndex.where(section),
            "rows %s of %s are multiplied at %s, where they neither lie nor were loaded",
            product.rows(),
            product.weight().word(),
            at);
        return;
      }
    }
  }

  private static int[] layers(Section section, boolean perLayer) {
    if (!perLayer) {
      return new int[] {0};
    }
    var layers = section.layers();
    return java.util.stream.IntStream.range(layers.from(), layers.to()).toArray();
  }

  private static void checkRoom(
      PlanIndex index, Findings findings, Section section, List<Step.Load> loads) {
    var byRing = new HashMap<String, List<Step.Load>>();
    loads.forEach(load -> byRing.computeIfAbsent(load.ring(), r -> new ArrayList<>()).add(load));
    byRing.forEach(
        (ring, loadsOfRing) -> {
          long bytes = Footprint.ringSlotBytes(index.plan.shape(), List.of(loadsOfRing));
          if (bytes > index.buffer(ring).bytes()) {
            findings.add(
                "buffer " + ring,
                "a slot of %d bytes, but %s loads %d",
                index.buffer(ring).bytes(),
                PlanIndex.where(section),
                bytes);
          } else if (index.buffer(ring).bytes() % Footprint.PAGE_BYTES != 0
              && loadsOfRing.stream()
                  .anyMatch(load -> Footprint.loadsPages(index.plan.shape(), load))) {
            findings.add(
                "buffer " + ring,
                "slots of %d bytes begin within pages, but %s loads whole ones",
                index.buffer(ring).bytes(),
                PlanIndex.where(section));
          }
        });
  }
}
