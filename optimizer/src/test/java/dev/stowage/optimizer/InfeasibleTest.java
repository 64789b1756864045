package dev.stowage.optimizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.optimizer.PlacementOutcome.Conflict;
import dev.stowage.optimizer.PlacementOutcome.Infeasible;
import dev.stowage.optimizer.PlacementOutcome.Placed;
import dev.stowage.optimizer.PlacementOutcome.Unit;
import dev.stowage.optimizer.ortools.GlopSolver;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Machine;
import dev.stowage.plan.ModelShape;
import java.util.List;
import org.junit.jupiter.api.Test;

class InfeasibleTest {
  private static final ModelShape SHAPE = Examples.tinyLlama();

  @Test
  void aModelLargerThanTheMachineNamesTheMemoryAndTheMissingBytes() {
    long room = SHAPE.matrixBytes() / 2;
    var conflict = only(problem(Examples.machine(Examples.host(room)), Bounds.none()));
    assertEquals("memory(ram)", conflict.row());
    assertEquals("ram", conflict.resource());
    assertEquals(Unit.BYTES, conflict.unit());
    assertEquals(room, conflict.allowed());
    assertEquals(List.of(new Limit.Memory(List.of("ram"))), conflict.limits());

    var larger = Examples.host((long) conflict.needed() + 4096);
    assertInstanceOf(Placed.class, place(problem(Examples.machine(larger), Bounds.none())));
    var smaller = Examples.host((long) conflict.needed() - 65536);
    assertInstanceOf(Infeasible.class, place(problem(Examples.machine(smaller), Bounds.none())));
  }

  @Test
  void aShareThatDoesNotFitNamesMemoryAndStatement() {
    var asked = Examples.said("weights on ram 100%");
    var machine =
        Examples.machine(Examples.host(SHAPE.matrixBytes() * 3 / 4), Examples.disk(Examples.GIB));
    var conflict =
        only(
            problem(
                machine,
                shares(new Bounds.Share(Thing.Weights.all(SHAPE), List.of("ram"), 1, 1, asked))));
    assertEquals("memory(ram)", conflict.row());
    assertTrue(conflict.sources().contains(asked), conflict.toString());
    assertTrue(conflict.amount() > SHAPE.matrixBytes() / 4.0);
  }

  @Test
  void sharesThatContradictEachOtherNameBoth() {
    var machine = Examples.machine(Examples.host(Examples.GIB), Examples.disk(Examples.GIB));
    var onHost = Examples.said("kv on ram >= 70%");
    var onDisk = Examples.said("kv on ssd >= 60%");
    var conflict =
        only(
            problem(
                machine,
                shares(
                    new Bounds.Share(new Thing.Kv(), List.of("ram"), 0.7, 1, onHost),
                    new Bounds.Share(new Thing.Kv(), List.of("ssd"), 0.6, 1, onDisk))));
    assertEquals(Unit.SHARE, conflict.unit());
    assertEquals(0.3, conflict.amount(), 1e-6);
    assertTrue(conflict.sources().containsAll(List.of(onHost, onDisk)), conflict.toString());
  }

  @Test
  void weightsOnADeviceThatCannotHoldThemNameTheStatement() {
    var machine = Examples.machine(Examples.host(Examples.GIB), Examples.csd("inst", Examples.GIB));
    var asked = Examples.said("weights on inst >= 20%");
    var conflict =
        only(
            problem(
                machine,
                shares(
                    new Bounds.Share(Thing.Weights.all(SHAPE), List.of("inst"), 0.2, 1, asked))));
    assertEquals("weights on inst", conflict.row());
    assertEquals(0.2, conflict.amount(), 1e-6);
    assertEquals(List.of(asked), conflict.sources());
  }

  @Test
  void aBlockThatIsTooSlowNamesTheLimitAndTheBestTime() {
    var machine = Examples.machine(Examples.host(Examples.GIB));
    var asked = Examples.said("latency(block) <= 1 us");
    var bounds =
        new Bounds(
            List.of(),
            List.of(),
            List.of(),
            List.of(new Bounds.ServiceLevel.BlockLatency(1e-6, asked)),
            KvAxis.TOKENS,
            List.of());
    var conflict = only(problem(machine, bounds));
    assertEquals("latency(block)", conflict.row());
    assertEquals(Unit.SECONDS, conflict.unit());
    assertEquals(1e-6, conflict.allowed(), 1e-12);
    assertEquals(List.of(asked), conflict.sources());

    var free =
        assertInstanceOf(Placed.class, place(problem(machine, Bounds.none())))
            .placement()
            .predicted();
    assertEquals(free.prefillSeconds() + free.decodeSeconds(), conflict.needed(), 1e-7);
  }

  @Test
  void aPeakThatIsTooLowIsItsOwnConflict() {
    var asked = Examples.said("peak(ram) <= 64 KiB");
    var bounds =
        new Bounds(
            List.of(),
            List.of(),
            List.of(),
            List.of(new Bounds.ServiceLevel.Peak("ram", 65536, asked)),
            KvAxis.TOKENS,
            List.of());
    var conflict = only(problem(Examples.machine(Examples.host(Examples.GIB)), bounds));
    assertEquals("peak(ram)", conflict.row());
    assertEquals(65536, conflict.allowed());
    assertEquals(List.of(asked), conflict.sources());
  }

  @Test
  void attentionWhereNoRouteLeadsNamesTheRule() {
    var rule = Examples.said("attention decode on ssd");
    var bounds =
        new Bounds(
            List.of(),
            List.of(),
            List.of(),
            List.of(),
            KvAxis.TOKENS,
            List.of(new Bounds.AttentionPlace(List.of(), List.of("ssd"), rule)));
    var machine = Examples.machine(Examples.host(Examples.GIB), Examples.disk(Examples.GIB));
    var conflict = only(problem(machine, bounds));
    assertEquals("attention decode on ssd", conflict.row());
    assertEquals(List.of(rule), conflict.sources());
  }

  private static Bounds shares(Bounds.Share... shares) {
    return new Bounds(List.of(), List.of(shares), List.of(), List.of(), KvAxis.TOKENS, List.of());
  }

  private static Problem problem(Machine machine, Bounds bounds) {
    return Problem.of(
        machine, SHAPE, ElementType.F32, Examples.fixed(32, 32, 4), bounds, Objective.throughput());
  }

  private static PlacementOutcome place(Problem problem) {
    return new Optimizer(new GlopSolver()).place(problem);
  }

  private static Conflict only(Problem problem) {
    var conflicts = assertInstanceOf(Infeasible.class, place(problem)).conflicts();
    assertEquals(1, conflicts.size(), conflicts.toString());
    return conflicts.getFirst();
  }
}
