package dev.stowage.runtime.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.stowage.plan.Footprint;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

@EnabledOnOs(OS.LINUX)
class PagedMemoryTest {
  private static final long PAGE = Footprint.PAGE_BYTES;

  @Test
  void pagesThatAreGivenBackAreZerosAndTheirNeighboursStay() {
    try (var arena = Arena.ofShared()) {
      var paged = PagedMemory.reserve(arena, 4 * PAGE);
      var memory = paged.memory();
      assertEquals(0, memory.address() % PAGE);
      memory.fill((byte) 7);
      paged.giveBack(PAGE, 2 * PAGE);
      for (long at = 0; at < 4 * PAGE; at += PAGE / 2) {
        byte expected = (byte) (at < PAGE || at >= 3 * PAGE ? 7 : 0);
        assertEquals(expected, memory.get(ValueLayout.JAVA_BYTE, at), "byte " + at);
      }
      memory.fill((byte) 3);
      assertEquals(3, memory.get(ValueLayout.JAVA_BYTE, 2 * PAGE));
    }
  }

  @Test
  void moreAddressesThanThereAreIsRefused() {
    try (var arena = Arena.ofShared()) {
      assertThrows(OutOfMemoryError.class, () -> PagedMemory.reserve(arena, 1L << 60));
    }
  }
}
