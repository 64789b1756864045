package dev.stowage.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.lower.Draft;
import dev.stowage.gpu.EmulatedDriver;
import dev.stowage.gpu.EmulatedDriver.Count;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.Buffer;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Schedule;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a schedule leaves pageable is not page-locked for a gpu, which changes no token. */
class PageableMemoryTest {
  private static final Path MODEL = Path.of("src/test/resources/golden/llama-gqa-bf16");

  @TempDir Path folder;

  private record Ran(List<Integer> output, long locked) {}

  @Test
  void weightsThatAreLeftPageableAreNotLockedAndMakeTheSameTokens() throws Exception {
    var driver = EmulatedDriver.loaded();
    var draft =
        Draft.allOnHost(MODEL, new BatchShape(1, 1, 8, 8, 8), ElementType.F16)
            .withWeights(Map.of("ram", 1.0))
            .withKv(Map.of("gpu", 1.0), Draft.Axis.TOKENS);
    var plain = draft.schedule();
    var locked = run(driver, draft, plain);
    var pageable =
        run(
            driver,
            draft,
            new Schedule(
                plain.order(),
                plain.prefetch(),
                plain.lanes(),
                plain.writeBack(),
                Set.of(Buffer.Purpose.WEIGHTS)));

    assertEquals(locked.output(), pageable.output());
    assertTrue(pageable.locked() < locked.locked(), pageable.locked() + " of " + locked.locked());
  }

  private Ran run(EmulatedDriver driver, Draft draft, Schedule schedule) throws Exception {
    try (var session = Session.open(draft.plan(), schedule, folder, MODEL, 1)) {
      var request = new Request(new int[] {1, 2, 3}, 6, Set.of(), Sampling.GREEDY);
      var output = session.generate(List.of(request), (index, id) -> true).getFirst().output();
      return new Ran(output, driver.count(Count.PINNED));
    }
  }
}
