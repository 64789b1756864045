package dev.stowage.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.model.ModelShapes;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class FootprintTest {
  /** Rows of 4096 bytes. */
  private static final ModelShape SHAPE = ModelShapes.find("opt-1.3b").orElseThrow();

  private static Step.Load load(int rows) {
    return new Step.Load(Weight.Q, new Range(0, rows), ElementType.F16, "ssd", "ring");
  }

  @Test
  void aSlotHasRoomForTheLargestStop() {
    assertEquals(4096 * 5, Footprint.ringSlotBytes(SHAPE, List.of(stop(3), stop(2, 3), stop())));
    assertEquals(0, Footprint.ringSlotBytes(SHAPE, List.of()));
  }

  @Test
  void slotsBeginWherePagesDoIfAnyStopLoadsPages() {
    long small = Footprint.ringSlotBytes(SHAPE, List.of(halfPages()));
    assertTrue(small % Footprint.PAGE_BYTES != 0, () -> "" + small);
    long both = Footprint.ringSlotBytes(SHAPE, List.of(halfPages(), stop(64)));
    assertEquals(0, both % Footprint.PAGE_BYTES);
    assertTrue(both >= small, () -> both + " for " + small);
  }

  private static List<Step.Load> stop(int... rows) {
    return Arrays.stream(rows).mapToObj(FootprintTest::load).toList();
  }

  /** Many loads, none of them large, whose sum is no number of pages. */
  private static List<Step.Load> halfPages() {
    var load = new Step.Load(Weight.Q, new Range(0, 63), ElementType.INT8, "ssd", "ring");
    return List.of(load, load, load, load, load);
  }
}
