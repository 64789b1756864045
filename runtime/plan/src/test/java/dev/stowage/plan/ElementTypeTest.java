package dev.stowage.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ElementTypeTest {
  @Test
  void plainTypesTakeTheSameBytesForEveryNumber() {
    assertEquals(4 * 65, ElementType.F32.rowBytes(65));
    assertEquals(2 * 65, ElementType.F16.rowBytes(65));
    assertEquals(2 * 65, ElementType.BF16.rowBytes(65));
    assertFalse(ElementType.BF16.quantized());
  }

  @Test
  void fourBitsInGroupsOf64TakeFourAndAHalfBitsANumber() {
    assertEquals(1024 * 9 / 16, ElementType.INT4.rowBytes(1024));
    assertEquals(1024 * 17 / 16, ElementType.INT8.rowBytes(1024));
    assertTrue(ElementType.INT4.quantized());
  }

  @Test
  void whatIsLeftAtTheEndOfARowIsAShorterGroup() {
    assertEquals(36 + 4 + 8, ElementType.INT4.rowBytes(64 + 16));
    assertEquals(36 + 4 + 1, ElementType.INT4.rowBytes(64 + 1));
    assertEquals(68 + 4 + 3, ElementType.INT8.rowBytes(64 + 3));
    assertEquals(0, ElementType.INT4.rowBytes(0));
  }

  @Test
  void aQuantizedNumberHasNoBytesOfItsOwn() {
    assertThrows(IllegalArgumentException.class, ElementType.INT4::bytes);
  }
}
