package dev.stowage.calibrate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;

/** Against a clock that moves only as far as the pieces push it. */
class RoundsTest {
  private long now = Long.MAX_VALUE - 1_000_000; // clocks may overflow
  private int round;

  private final class Script implements Piece {
    private final String name;
    private final double[] seconds;
    private int next;
    private int warmed;

    Script(String name, double... seconds) {
      this.name = name;
      this.seconds = seconds;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public void warmUp(LongSupplier nanos) {
      warmed++;
    }

    @Override
    public double seconds(LongSupplier nanos) {
      double took = seconds[next++ % seconds.length];
      now += (long) (took * 1e9);
      return took;
    }
  }

  private Rounds rounds(int wanted, int most, double deadlineSeconds) {
    return new Rounds(
        wanted, most, 0.15, now + (long) (deadlineSeconds * 1e9), () -> now, () -> false);
  }

  @Test
  void theMedianTakesNoNoticeOfOneWildValue() {
    assertEquals(3, Rounds.median(new double[] {9e9, 1, 3}));
    assertEquals(2.5, Rounds.median(new double[] {4, 1, 2, 3}));
    var outcome = rounds(3, 9, 1000).time(List.of(new Script("a", 1, 50, 1.1)), new Script("r", 1));
    assertEquals(1.1, outcome.seconds().get("a"));
    assertTrue(outcome.steady());
    assertEquals(0, outcome.discarded());
  }

  @Test
  void aRoundWhoseReferenceDriftedIsRunAgainAndDoesNotCount() {
    // two references a round: the third round runs while the machine is three times as slow
    var reference = new Script("r", 1, 1, 1, 1, 3, 3, 1, 1, 1, 1);
    var piece = new Script("a", 2, 2, 6, 2);
    var outcome = rounds(3, 9, 1000).time(List.of(piece), reference);
    assertEquals(2, outcome.seconds().get("a"));
    assertEquals(4, outcome.stretches());
    assertEquals(1, outcome.discarded());
    assertEquals(0, outcome.drift());
    assertTrue(outcome.steady());
  }

  @Test
  void onlyWhatLiesAroundASlowMomentIsLeftOut() {
    // ten pieces: the reference is timed before the first, after the eighth, and at the end
    var pieces = new ArrayList<Script>();
    for (int i = 0; i < 10; i++) {
      pieces.add(new Script("p" + i, i < 8 ? 1 : 5, 1, 1, 1));
    }
    var reference = new Script("r", 1, 1, 3, 1, 1, 1, 1, 1, 1);
    var outcome = rounds(2, 9, 1000).time(pieces, reference);
    assertEquals(3, pieces.getFirst().next); // until the last two have two times that count
    assertEquals(6, outcome.stretches());
    assertEquals(1, outcome.discarded());
    outcome.seconds().forEach((name, seconds) -> assertEquals(1, seconds, name));
    assertTrue(outcome.steady());
  }

  @Test
  void severalPiecesCountAlikeInOne() {
    var both = new Composite("both", List.of(new Script("a", 1, 2), new Script("b", 100, 200)));
    assertEquals(10, both.seconds(() -> now), 1e-9);
    assertEquals(20, both.seconds(() -> now), 1e-9);
  }

  private static Piece counting(AtomicInteger count, IntSupplier until) {
    return new Piece() {
      @Override
      public String name() {
        return "counting";
      }

      @Override
      public void warmUp(LongSupplier nanos) {}

      @Override
      public double seconds(LongSupplier nanos) {
        do {
          count.incrementAndGet();
          Thread.onSpinWait();
        } while (count.get() < until.getAsInt());
        return 1;
      }
    };
  }

  @Test
  void whatRunsBesideAPieceRunsAllTheTime() {
    var others = new AtomicInteger();
    var other = counting(others, () -> 0);
    // ends only once the other one has run ten times
    var piece = counting(new AtomicInteger(), () -> others.get() < 10 ? Integer.MAX_VALUE : 0);
    var beside = new Beside("both", piece, other);
    assertEquals(1, beside.seconds(() -> now));
    int ended = others.get();
    assertTrue(ended >= 10, ended + " times");
    var failing = counting(others, () -> Integer.parseInt("no number"));
    var fails = new Beside("fails", new Script("a", 1), failing);
    assertThrows(NumberFormatException.class, () -> fails.seconds(() -> now));
  }

  @Test
  void aMachineThatNeverSettlesIsSaidNotToBeSteady() {
    var reference = new Script("r", 1, 2, 4, 8);
    var outcome = rounds(3, 5, 1000).time(List.of(new Script("a", 2)), reference);
    assertEquals(5, outcome.stretches());
    assertFalse(outcome.steady());
    assertEquals(2, outcome.seconds().get("a"));
    assertTrue(outcome.worst() > 0.15, outcome::toString);
  }

  @Test
  void noRoundBeginsAfterTheDeadlineButOneIsRun() {
    var outcome = rounds(5, 9, 2.5).time(List.of(new Script("a", 1)), new Script("r", 0.5));
    assertEquals(2, outcome.stretches());
    var late = rounds(5, 9, -1).time(List.of(new Script("a", 1)), new Script("r", 0.5));
    assertEquals(1, late.stretches());
  }

  /** Doubts whatever takes longer than a second. */
  private static Set<String> slow(Map<String, Double> seconds) {
    var names = new HashSet<String>();
    seconds.forEach(
        (name, took) -> {
          if (took > 1) {
            names.add(name);
          }
        });
    return names;
  }

  @Test
  void aPointThatCannotBeRightIsWarmedUpAndTimedAgain() {
    // three rounds, then three more of what was not compiled in the first
    var low = new Script("low", 7, 7, 7, 0.5, 0.5, 9);
    var fine = new Script("fine", 0.8);
    var outcome = rounds(3, 9, 1000).time(List.of(low, fine), new Script("r", 1), RoundsTest::slow);
    assertEquals(0.5, outcome.seconds().get("low"));
    assertEquals(0.8, outcome.seconds().get("fine"));
    assertEquals(Set.of("low"), outcome.again());
    assertEquals(Set.of(), outcome.doubtful());
    assertEquals(2, low.warmed);
    assertEquals(1, fine.warmed);
    assertEquals(3, outcome.stretches());
  }

  @Test
  void aPointThatStaysAsItWasIsKeptAndNamed() {
    var slower = new Script("slow", 3, 3, 3, 4, 4, 4);
    var outcome = rounds(3, 9, 1000).time(List.of(slower), new Script("r", 1), RoundsTest::slow);
    assertEquals(3, outcome.seconds().get("slow"));
    assertEquals(Set.of("slow"), outcome.doubtful());
  }

  @Test
  void whatIsTimedAgainCountsOnlyWhileTheMachineIsAsItWas() {
    // twice as fast from the fourth round on
    var reference = new Script("r", 1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5);
    var slow = new Script("slow", 3, 3, 3, 1.5, 1.5, 1.5, 1.5);
    var outcome = rounds(3, 4, 1000).time(List.of(slow), reference, RoundsTest::slow);
    assertEquals(3, outcome.seconds().get("slow"));
  }

  @Test
  void aClockThatStandsStillMeasuresNothing() {
    var rounds = rounds(2, 4, 1000);
    var piece = List.of(new Script("a", 0));
    var reference = new Script("r", 1);
    var e = assertThrows(CalibrationException.class, () -> rounds.time(piece, reference));
    assertTrue(e.getMessage().contains("'a'"), e::getMessage);
  }

  @Test
  void theUserEndsItBetweenRounds() {
    var rounds = new Rounds(3, 9, 0.15, now + 1, () -> now, () -> round++ > 0);
    assertThrows(
        CalibrationException.class,
        () ->
            new Rounds(3, 9, 0.15, Long.MAX_VALUE, () -> 0, () -> round++ > 0)
                .time(List.of(new Script("a", 1)), new Script("r", 1)));
    assertEquals(2, round);
    assertEquals(3, rounds.wanted());
  }

  @Test
  void aUnitIsRepeatedUntilTheClockCanTellHowLongItTakes() {
    var piece = new Repeated("a", () -> now += 1000, 0.001, 0.0001);
    piece.warmUp(() -> now);
    long before = now;
    assertEquals(1e-6, piece.seconds(() -> now), 1e-12);
    assertEquals(100, (now - before) / 1000, 2);
  }
}
