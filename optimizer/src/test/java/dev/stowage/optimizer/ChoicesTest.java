package dev.stowage.optimizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ChoicesTest {
  private final Choices choices = new Choices(16, 50, 16);

  @Test
  void countsFromItsStartInSteps() {
    assertEquals(48, choices.last());
    assertTrue(choices.allows(32));
    assertFalse(choices.allows(50));
    assertFalse(choices.allows(0));
  }

  @Test
  void snapsToWhatIsAllowed() {
    assertEquals(32, choices.atMost(47));
    assertEquals(16, choices.atMost(3));
    assertEquals(48, choices.atMost(1000));
    assertEquals(48, choices.atLeast(33));
    assertEquals(16, choices.atLeast(1));
    assertEquals(48, choices.atLeast(1000));
  }

  @Test
  void rejectsARangeThatRunsDownward() {
    assertThrows(IllegalArgumentException.class, () -> new Choices(3, 2, 1));
    assertThrows(IllegalArgumentException.class, () -> new Choices(1, 2, 0));
  }
}
