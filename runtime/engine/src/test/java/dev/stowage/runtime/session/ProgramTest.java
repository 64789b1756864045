package dev.stowage.runtime.session;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.stowage.plan.Schedule;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Which load a letter of a schedule's word uses. */
class ProgramTest {
  private static final boolean[] MIDDLE_STOPS_LOAD = {false, true, true, false};

  @Test
  void zigZagLoadsEveryStopOnceForAllMicroBatches() {
    int[] word = word(new Schedule.Order.ZigZag());
    assertArrayEquals(new int[] {0, 1, 0, 1, 0, 1, 0, 1}, word);
    assertArrayEquals(
        new int[] {-1, -1, 0, 0, 1, 1, -1, -1}, Program.entries(word, 2, MIDDLE_STOPS_LOAD));
  }

  @Test
  void rowByRowLoadsEveryStopOnceForEachMicroBatch() {
    int[] word = word(new Schedule.Order.RowByRow());
    assertArrayEquals(new int[] {0, 0, 0, 0, 1, 1, 1, 1}, word);
    assertArrayEquals(
        new int[] {-1, 0, 1, -1, -1, 2, 3, -1}, Program.entries(word, 2, MIDDLE_STOPS_LOAD));
  }

  @Test
  void neighboursAtOneStopShareItsLoadInAnyWord() {
    int[] word = word(new Schedule.Order.Word(List.of(0, 1, 1, 0, 0, 1, 0, 1)));
    assertArrayEquals(
        new int[] {-1, -1, 0, 0, 1, 1, -1, -1}, Program.entries(word, 2, MIDDLE_STOPS_LOAD));
  }

  private static int[] word(Schedule.Order order) {
    return new Schedule(order, 1, List.of()).word(MIDDLE_STOPS_LOAD.length, 2);
  }
}
