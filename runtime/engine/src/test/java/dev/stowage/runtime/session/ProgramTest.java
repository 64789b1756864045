package dev.stowage.runtime.session;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.stowage.plan.Schedule;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** In which order a sweep takes its stops, and which load a letter of its word uses. */
class ProgramTest {
  private static final boolean[] MIDDLE_STOPS_LOAD = {false, true, true, false};

  @Test
  void zigZagLoadsEveryStopOnceForAllMicroBatches() {
    int[] word = word(new Schedule.Order.ZigZag());
    assertArrayEquals(new int[] {0, 1, 0, 1, 0, 1, 0, 1}, word);
    assertArrayEquals(
        new int[] {-1, -1, 0, 0, 1, 1, -1, -1},
        Program.entries(word, 2, MIDDLE_STOPS_LOAD, new int[4]));
  }

  @Test
  void rowByRowLoadsEveryStopOnceForEachMicroBatch() {
    int[] word = word(new Schedule.Order.RowByRow());
    assertArrayEquals(new int[] {0, 0, 0, 0, 1, 1, 1, 1}, word);
    assertArrayEquals(
        new int[] {-1, 0, 1, -1, -1, 2, 3, -1},
        Program.entries(word, 2, MIDDLE_STOPS_LOAD, new int[4]));
  }

  @Test
  void neighboursAtOneStopShareItsLoadInAnyWord() {
    int[] word = word(new Schedule.Order.Word(List.of(0, 1, 1, 0, 0, 1, 0, 1)));
    assertArrayEquals(
        new int[] {-1, -1, 0, 0, 1, 1, -1, -1},
        Program.entries(word, 2, MIDDLE_STOPS_LOAD, new int[4]));
  }

  @Test
  void aPipelinesStagesWorkOnNeighbouringMicroBatchesAndLoadForThemselves() {
    int[] stages = {0, 0, 1, 1, 1};
    int[] word = new Schedule(new Schedule.Order.Pipeline(), 1, List.of()).word(stages, 3);
    assertArrayEquals(new int[] {0, 0, 1, 0, 1, 0, 0, 2, 1, 2, 1, 1, 2, 2, 2}, word);
    assertArrayEquals(
        new int[] {-1, 0, -1, 0, 0, 1, -1, -1, 2, 0, 3, -1, 4, 5, -1},
        Program.entries(word, 3, new boolean[] {false, true, true, true, false}, stages));
  }

  @Test
  void aMicroBatchComputesWhileTheOneBeforeItWaitsForItsAttention() {
    assertEquals(
        List.of("begin 0", "begin 1", "end 0", "begin 2", "end 1", "end 2"),
        walk(new Schedule.Order.ZigZag(), 3, 2));
  }

  @Test
  void withoutRoomForTwoPassesEveryStopIsFinishedBeforeTheNext() {
    assertEquals(
        List.of("begin 0", "end 0", "begin 1", "end 1"), walk(new Schedule.Order.ZigZag(), 2, 1));
  }

  @Test
  void nothingIsLeftWaitingAtTheEndOfAStop() {
    assertEquals(
        List.of("begin 0", "end 0", "begin 1", "end 1"), walk(new Schedule.Order.RowByRow(), 2, 2));
  }

  /** What a stop that waits, and the head after it, do in a sweep of passes of one row each. */
  private static List<String> walk(Schedule.Order order, int microBatches, int flights) {
    var done = new ArrayList<String>();
    var inFlight = new HashMap<Integer, Integer>();
    Command begin =
        pass -> {
          done.add("begin " + pass.microBatch);
          inFlight.put(pass.microBatch, pass.flight);
          assertEquals(inFlight.size(), Set.copyOf(inFlight.values()).size(), "two share a part");
        };
    Command end =
        pass -> {
          done.add("end " + pass.microBatch);
          inFlight.remove(pass.microBatch);
        };
    var passes = new Pass[microBatches];
    for (int i = 0; i < microBatches; i++) {
      passes[i] = new Pass(i, 1, MemorySegment.NULL);
      passes[i].add(0, i, 0, 0, false, false);
    }
    int[] word = new Schedule(order, 0, List.of()).word(new int[2], microBatches);
    var program =
        new Program(
            new Command[][] {{begin, end}, {}},
            new int[] {0, -1},
            new int[] {1, 0},
            flights,
            word,
            Program.entries(word, microBatches, new boolean[2], new int[2]),
            passes,
            1,
            new int[2],
            new WeightStream[1],
            List.of(),
            List.of(),
            List.of());
    program.sweep(pass -> {});
    return done;
  }

  private static int[] word(Schedule.Order order) {
    return new Schedule(order, 1, List.of()).word(new int[4], 2);
  }
}
