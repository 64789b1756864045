package dev.stowage.runtime.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.RopeScaling;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class RopeTableTest {
  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  @Test
  void anglesFallGeometricallyFromThePositionItself() {
    var table = RopeTable.create(arena, 8, 4, 10_000, new RopeScaling.None());
    assertEquals((float) Math.cos(5), cos(table, 5, 0));
    assertEquals((float) Math.sin(5), sin(table, 5, 0));
    assertEquals((float) Math.sin(0.05), sin(table, 5, 1)); // 10000^(-2/4) = 1/100
    assertEquals(1f, cos(table, 0, 1));
    assertEquals(RopeTable.bytes(8, 4), table.cosines().byteSize() + table.sines().byteSize());
    assertTrue(table.cosines().isReadOnly());
  }

  @Test
  void linearScalingStretchesPositions() {
    var plain = RopeTable.create(arena, 10, 16, 10_000, new RopeScaling.None());
    var stretched = RopeTable.create(arena, 40, 16, 10_000, new RopeScaling.Linear(4));
    for (int i = 0; i < 8; i++) {
      assertEquals(sin(plain, 9, i), sin(stretched, 36, i), 1e-6f);
    }
  }

  /** Llama 3.1's own numbers; frequencies are read back as the sine of position 1. */
  @Test
  void llama3ScalingKeepsShortWavesDividesLongOnesAndBlendsBetween() {
    double theta = 500_000;
    var table = RopeTable.create(arena, 2, 128, theta, new RopeScaling.Llama3(8, 1, 4, 8192));
    boolean kept = false;
    boolean blended = false;
    boolean divided = false;
    for (int i = 0; i < 64; i++) {
      double plain = Math.pow(theta, -i / 64.0);
      double wavelength = 2 * Math.PI / plain;
      double ratio = Math.asin(sin(table, 1, i)) / Math.asin(Math.sin(plain));
      if (wavelength < 2048) {
        kept = true;
        assertEquals(1, ratio, 1e-5, "frequency " + i);
      } else if (wavelength > 8192) {
        divided = true;
        assertEquals(1 / 8.0, ratio, 1e-5, "frequency " + i);
      } else {
        blended = true;
        double smooth = (8192 / wavelength - 1) / 3;
        assertEquals((1 - smooth) / 8 + smooth, ratio, 1e-5, "frequency " + i);
      }
    }
    assertTrue(kept && blended && divided);
  }

  @Test
  void refusesWhatNoModelCanMean() {
    var none = new RopeScaling.None();
    assertThrows(IllegalArgumentException.class, () -> RopeTable.create(arena, 8, 5, 10_000, none));
    assertThrows(IllegalArgumentException.class, () -> RopeTable.create(arena, 8, 4, 0, none));
    assertThrows(IllegalArgumentException.class, () -> RopeTable.create(arena, 0, 4, 10_000, none));
    assertThrows(IllegalArgumentException.class, () -> new RopeScaling.Linear(0));
    assertThrows(IllegalArgumentException.class, () -> new RopeScaling.Llama3(8, 4, 4, 8192));
  }

  private static float cos(RopeTable table, int position, int i) {
    return table.cosines().get(Elements.F32, 4L * (position * table.dimension() / 2 + i));
  }

  private static float sin(RopeTable table, int position, int i) {
    return table.sines().get(Elements.F32, 4L * (position * table.dimension() / 2 + i));
  }
}
