package dev.stowage.plan.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.ElementType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelShapesTest {
  /**
   * Sizes published in FlexGen's table of models (GiB at F16, one layer in MiB, KV KiB a token).
   */
  @ParameterizedTest
  @CsvSource({
    "opt-125m, 0.2, 13.5, 36",
    "opt-1.3b, 2.4, 96, 192",
    "opt-2.7b, 4.9, 150, 320",
    "opt-6.7b, 12.4, 384, 512",
    "opt-13b, 23.9, 600, 800",
    "opt-30b, 55.8, 1176, 1344",
    "opt-66b, 122.4, 1944, 2304",
    "opt-175b, 325.2, 3456, 4608"
  })
  void optHasThePublishedSizes(String name, double gib, double layerMib, long kvKib) {
    var shape = ModelShapes.find(name).orElseThrow();

    assertEquals(gib, shape.matrixBytes() / Math.pow(2, 30), 0.05 + gib * 0.002);
    assertEquals(layerMib, 12.0 * shape.hidden() * shape.hidden() * 2 / (1 << 20), 0.5);
    assertEquals(kvKib * 1024, shape.kvBytesPerToken(ElementType.F16));
  }

  @ParameterizedTest
  @CsvSource({
    "llama-2-7b, 6.738e9",
    "llama-2-13b, 13.016e9",
    "llama-2-70b, 68.977e9",
    "llama-3-8b, 8.030e9",
    "llama-3-70b, 70.554e9",
    "mistral-7b, 7.242e9",
    "qwen2.5-7b, 7.616e9",
    "qwen2.5-14b, 14.770e9",
    "qwen2.5-32b, 32.764e9",
    "qwen3-8b, 8.191e9"
  })
  void hasThePublishedNumberOfParameters(String name, double parameters) {
    var shape = ModelShapes.find(name).orElseThrow();

    double counted = shape.matrixBytes() / 2.0 + shape.vectorBytes() / 4.0;

    assertEquals(parameters, counted, 0.001 * parameters);
  }

  @Test
  void listsItsNames() {
    assertEquals("opt-125m", ModelShapes.names().getFirst());
    assertEquals(18, ModelShapes.names().size());
    assertTrue(ModelShapes.find("gpt-5").isEmpty());
  }
}
