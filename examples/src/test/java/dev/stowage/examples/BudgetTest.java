package dev.stowage.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.lower.Draft;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Weight;
import dev.stowage.plan.model.ModelFolder;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a plan promises about memory holds when it runs. */
class BudgetTest {
  private static final Path MODEL = Path.of("models/tiny-opt");

  @TempDir Path folder;

  @Test
  void aModelLargerThanTheHostBudgetRunsThroughTheDiskWithinIt() throws Exception {
    var golden = Golden.read(MODEL).greedy();
    var batch = new BatchShape(1, 1, golden.prompt().length, golden.output().size(), 8);
    var draft =
        Draft.allOnHost(MODEL, batch, ElementType.F16)
            .withWeights(Map.of("ssd", 1.0))
            .withKv(Map.of("ssd", 1.0), Draft.Axis.TOKENS)
            .withPrefetch(1);
    long budget = draft.plan().bytesOn("ram");
    var shape = ModelFolder.open(MODEL).shape();
    long model = shape.matrixBytes();
    long streamed =
        model - shape.bytesInAllLayers(Weight.POSITIONS); // positions are looked up row by row
    assertTrue(budget < model / 2, budget + " bytes of host memory for a model of " + model);

    try (var session = open(draft.withHostBytes(budget))) {
      var output =
          session
              .generate(
                  List.of(
                      new Request(
                          golden.prompt(), golden.output().size(), Set.of(), Sampling.GREEDY)),
                  (request, id) -> true)
              .getFirst()
              .output();
      assertEquals(golden.output(), output);
      var metrics = session.metrics();
      assertTrue(
          metrics.streamedWeightBytes() >= streamed * golden.output().size(),
          "every token streams the model: " + metrics.streamedWeightBytes());
      for (var device : metrics.devices()) {
        assertEquals(
            device.plannedBytes(),
            device.usedBytes() + filesOf(device.device(), draft),
            device.device());
        assertTrue(device.usedBytes() <= device.usableBytes(), device.toString());
      }
    }
  }

  @Test
  void aByteLessThanThePlanNeedsIsRefusedWithTheNumbers() throws Exception {
    var batch = new BatchShape(1, 1, 8, 8, 8);
    var draft = Draft.allOnHost(MODEL, batch, ElementType.F16);
    long needed = draft.plan().bytesOn("ram");
    open(draft.withHostBytes(needed)).close();
    var refusal = assertThrows(DeviceException.class, () -> open(draft.withHostBytes(needed - 1)));
    assertTrue(
        refusal
            .getMessage()
            .matches("ram: .* needs \\d+ bytes, but \\d+ of the \\d+ usable bytes are taken"),
        refusal.getMessage());
  }

  /** Weights on a disk stay in the model's files: the device takes no bytes of its own for them. */
  private static long filesOf(String device, Draft draft) throws Exception {
    return draft.plan().buffers().stream()
        .filter(buffer -> device.equals("ssd") && buffer.name().equals("weights.ssd"))
        .mapToLong(buffer -> buffer.totalBytes())
        .sum();
  }

  private Session open(Draft draft) throws Exception {
    return Session.open(draft.plan(), draft.schedule(), folder, draft.model(), 2);
  }
}
