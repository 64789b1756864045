package dev.stowage.runtime.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.ElementType;
import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class ElementsTest {

  @Test
  void everyBf16SurvivesTheWayThroughFloat() {
    for (int bits = 0; bits < 1 << 16; bits++) {
      float value = Elements.bf16ToFloat((short) bits);
      if (Float.isNaN(value)) {
        assertTrue(Float.isNaN(Elements.bf16ToFloat(Elements.floatToBf16(value))));
      } else {
        assertEquals((short) bits, Elements.floatToBf16(value));
      }
    }
  }

  @Test
  void bf16RoundsToTheNearestTiesToEven() {
    assertEquals(0x3f80, Elements.floatToBf16(Float.intBitsToFloat(0x3f808000)), "tie, even below");
    assertEquals(0x3f82, Elements.floatToBf16(Float.intBitsToFloat(0x3f818000)), "tie, odd below");
    assertEquals(0x3f81, Elements.floatToBf16(Float.intBitsToFloat(0x3f808001)), "above the tie");
    assertEquals(0x7f80, Elements.floatToBf16(Float.MAX_VALUE), "beyond the largest");
    assertTrue(
        Float.isNaN(Elements.bf16ToFloat(Elements.floatToBf16(Float.intBitsToFloat(0x7f800001)))));
    long seed = Long.getLong("stowage.test.seed", System.nanoTime());
    var random = new Random(seed);
    for (int i = 0; i < 100_000; i++) {
      float value = Float.intBitsToFloat(random.nextInt() & 0xbfffffff); // |value| < 2
      float rounded = Elements.bf16ToFloat(Elements.floatToBf16(value));
      double step = Math.max(Math.ulp(value) * 65536.0, 0x1p-133);
      assertTrue(
          Math.abs((double) value - rounded) <= step / 2,
          () -> value + " became " + rounded + ", -Dstowage.test.seed=" + seed);
    }
  }

  @Test
  void setAndGetMeetAtAnyByteOffset() {
    try (var arena = Arena.ofConfined()) {
      var segment = arena.allocate(16);
      for (ElementType type : ElementType.single()) {
        for (long offset = 0; offset < 8; offset++) {
          Elements.set(type, segment, offset, -1.5f);
          assertEquals(-1.5f, Elements.get(type, segment, offset), type + " at " + offset);
        }
      }
    }
  }
}
