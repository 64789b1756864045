package dev.stowage.optimizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.optimizer.PlacementOutcome.Placed;
import dev.stowage.optimizer.cost.MemoryUse;
import dev.stowage.optimizer.ortools.GlopSolver;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Machine;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** FlexGen's diagonal block schedule (section 4.1), as the optimizer counts its memory. */
class DiagonalTest {
  private static final int PROMPT = 32;
  private static final int GENERATE = 256;

  private final Optimizer optimizer = new Optimizer(new GlopSolver());

  /** A gpu's memory holds no pages: there a block is as large as it was. */
  @Test
  void whereNothingIsHeldInPagesNothingChanges() {
    var gpu = Examples.device("gpu", DeviceKind.GPU, 6 * Examples.GIB, 0, Map.of());
    var machine = Examples.machine(gpu, Examples.host(Examples.GIB));
    assertEquals(
        place(machine, false).batch().sequences(), place(machine, true).batch().sequences());
  }

  private Placement place(Machine machine, boolean staggered) {
    var workload =
        new Workload(
            PROMPT,
            GENERATE,
            PROMPT,
            GENERATE,
            OptionalInt.empty(),
            Choices.range(1, 512),
            Choices.fixed(1),
            Choices.fixed(PROMPT),
            staggered);
    var problem =
        Problem.of(
            machine,
            Examples.opt(24, 2048, 32),
            ElementType.F16,
            workload,
            Bounds.none(),
            Objective.throughput());
    var placement = assertInstanceOf(Placed.class, optimizer.place(problem)).placement();
    assertEquals(staggered, placement.batch().staggered());
    var use =
        MemoryUse.of(
            problem,
            placement.batch(),
            placement.prefetch(),
            placement.weights(),
            placement.kv(),
            placement.activations());
    for (var device : machine.devices()) {
      assertTrue(use.on(device.name()).total() <= device.usableBytes(), device.name());
    }
    return placement;
  }
}
