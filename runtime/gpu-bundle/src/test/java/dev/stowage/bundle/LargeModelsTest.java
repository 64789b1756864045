package dev.stowage.bundle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.verify.PlanVerifier;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What only a GPU with room for it measures is planned as it should be. */
class LargeModelsTest {
  @TempDir Path folder;

  static Stream<OptModel> models() {
    return Stream.of(OptModel.B1_3, OptModel.B6_7, OptModel.B13);
  }

  @ParameterizedTest
  @MethodSource("models")
  void aThirdOfTheModelHoldsThePlan(OptModel model) throws Exception {
    Files.writeString(folder.resolve("config.json"), model.config());
    try (var sparse = new RandomAccessFile(folder.resolve("model.safetensors").toFile(), "rw")) {
      var header = model.weights().header();
      sparse.write(header);
      sparse.setLength(header.length + model.bytes());
    }
    long budget = model.bytes() / 3;
    boolean quick = model.equals(OptModel.B1_3);
    var works = new ArrayList<>(LargeModels.works(model, budget, quick));
    works.add(LargeModels.SOME);
    for (var work : works) {
      var plan = LargeModels.draft(folder, model, work, budget).plan();
      assertEquals(List.of(), PlanVerifier.verify(plan), work::toString);
      long held = plan.bytesOn("gpu");
      assertTrue(held > budget / 10 && held <= budget, () -> held + " bytes for " + work);
      assertEquals(List.of("gpu"), plan.stages().devices());
    }
  }
}
