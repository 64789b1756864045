package dev.stowage.compiler.explain;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import dev.stowage.compiler.lower.Lowering;
import dev.stowage.compiler.lower.Placed;
import dev.stowage.compiler.simulate.Simulator;
import dev.stowage.optimizer.Optimizer;
import dev.stowage.optimizer.Placement;
import dev.stowage.optimizer.PlacementOutcome;
import dev.stowage.optimizer.Problem;
import dev.stowage.optimizer.advice.Advice;
import dev.stowage.optimizer.ortools.GlopSolver;
import dev.stowage.plan.Schedule;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AdviceTest {
  private static final Path FOLDER = Path.of("src/test/resources/baselines").toAbsolutePath();

  @ParameterizedTest
  @CsvSource({
    "opt30b-t4, , weights over a gpu and a host",
    "opt175b-t4, , weights over a host and a disk",
    "opt13b-csd, , KV and attention on a drive",
    "opt13b-csd, sparse, sparse attention on a drive",
    "opt13b-csd, ssdOnly, KV on a disk",
    "opt13b-csd, freely, more than a gpu holds",
    "small-host, , a host that streams from a disk",
    "split-three-ways, , 'host, disk and drive by hand'",
    "diagonal, , requests that begin one after another",
  })
  void whatToBuyNextBringsWhatItSays(String name, String variant, String kind) {
    var settings = new Settings(Map.of(), Optional.ofNullable(variant), OptionalInt.empty());
    var compiled =
        assertInstanceOf(
            Compilation.Compiled.class,
            Compiler.compile(FOLDER.resolve(name).resolve("main.stow"), settings),
            kind);
    var problem = AdviceText.problem(compiled);
    var advice = AdviceText.of(compiled);
    var explained = Explanation.of(compiled).with(advice);
    var best = advice.purchases().getFirst();
    assertTrue(advice.tells(best.gain()), best::toString);

    var better = better(problem, best.resource().times(problem.machine(), 1 + Advice.MORE));
    var now = placed(new Optimizer(new GlopSolver()).place(problem));
    var after = placed(new Optimizer(new GlopSolver()).place(better));
    double predicted =
        after.predicted().throughputTokensPerSecond() - now.predicted().throughputTokensPerSecond();
    assertEquals(predicted, best.gain(), 0.1 * predicted, best::toString);
    double simulated = simulated(compiled, better, after) - simulated(compiled, problem, now);
    System.out.println(
        kind + ": " + best + ", planned " + predicted + ", simulated " + simulated + " tok/s");
    assertEquals(simulated, best.gain(), 0.1 * simulated, best::toString);

    assertTrue(HumanReport.render(explained).contains("what to buy next"));
    assertEquals(
        best.resource().words(),
        JsonReport.render(explained).at("/advice/more_of_10_percent/0/resource").asText());
    assertTrue(HtmlReport.render(explained).contains("What to buy next"));
    assertFalse(HtmlReport.render(Explanation.of(compiled)).contains("What to buy next"));
  }

  private static Problem better(Problem p, dev.stowage.plan.Machine machine) {
    return new Problem(
        machine,
        p.shape(),
        p.kvType(),
        p.workload(),
        p.stages(),
        p.computing(),
        p.order(),
        p.prefetch(),
        p.bounds(),
        p.objective(),
        p.pageable());
  }

  private static Placement placed(PlacementOutcome outcome) {
    return assertInstanceOf(PlacementOutcome.Placed.class, outcome).placement();
  }

  /** Tokens a second of a placement on a virtual clock. */
  private static double simulated(
      Compilation.Compiled compiled, Problem problem, Placement placement) {
    var waiting = new LinkedHashMap<String, Integer>();
    placement.activations().forEach(w -> waiting.put(w.device(), w.microBatches()));
    var placed =
        new Placed(
            compiled.plan().name(),
            compiled.plan().source(),
            problem.shape(),
            problem.machine(),
            placement.batch(),
            placement.kvType(),
            placement.weights(),
            placement.kv(),
            placement.stages(),
            problem.host().name(),
            placement.prefetch(),
            waiting,
            placement.shares(),
            placement.predicted());
    var plain = Lowering.schedule(placed);
    var schedule =
        new Schedule(
            problem.order(),
            plain.prefetch(),
            compiled.resolved().lanes() ? plain.lanes() : List.of(),
            compiled.schedule().writeBack());
    double seconds = Simulator.simulate(Lowering.lower(placed), schedule).seconds();
    return placement.batch().sequences() * placement.batch().generateTokens() / seconds;
  }
}
