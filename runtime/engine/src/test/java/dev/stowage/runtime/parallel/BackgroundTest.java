package dev.stowage.runtime.parallel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BackgroundTest {
  @Test
  void everyPieceIsDoneOnceByAThreadThatHasItsNumberAlone() {
    var done = new AtomicIntegerArray(1000);
    var within = new AtomicIntegerArray(4);
    try (var work =
        Background.start(
            "test",
            4,
            1000,
            (thread, number) -> {
              assertEquals(1, within.incrementAndGet(thread));
              done.incrementAndGet(number);
              within.decrementAndGet(thread);
            })) {
      work.await();
    }
    var once = new int[1000];
    Arrays.fill(once, 1);
    assertArrayEquals(once, IntStream.range(0, 1000).map(done::get).toArray());
  }

  @Test
  void whoBeginsItGoesOn() {
    var begun = new CountDownLatch(1);
    try (var work = Background.start("test", 1, 1, (thread, number) -> await(begun))) {
      begun.countDown(); // never reached if starting waited for the piece
      work.await();
    }
  }

  @Test
  void noneIsNothingToWaitFor() {
    Background.start("test", 2, 0, (thread, number) -> {}).await();
  }

  @Test
  void theFirstFailureIsThrownAndNoMorePiecesBegin() {
    var failure = new IllegalStateException("piece 3");
    var begun = new AtomicInteger();
    try (var work =
        Background.start(
            "test",
            1,
            100,
            (thread, number) -> {
              begun.incrementAndGet();
              if (number == 3) {
                throw failure;
              }
            })) {
      assertSame(failure, assertThrows(IllegalStateException.class, work::await));
    }
    assertEquals(4, begun.get());
  }

  @Test
  void closedEarlyItEndsWithThePieceThatHasBegun() {
    var begun = new CountDownLatch(1);
    var closing = new CountDownLatch(1);
    var done = new AtomicInteger();
    var work =
        Background.start(
            "test",
            1,
            100,
            (thread, number) -> {
              begun.countDown();
              await(closing);
              done.incrementAndGet();
            });
    await(begun);
    var closer = Thread.ofPlatform().start(work::close);
    while (closer.getState() != Thread.State.WAITING) {
      Thread.onSpinWait();
    }
    closing.countDown();
    work.await();
    assertEquals(1, done.get());
  }

  @Test
  void whoIsInterruptedWaitsAllTheSame() {
    var done = new AtomicInteger();
    try (var work = Background.start("test", 2, 50, (thread, number) -> done.incrementAndGet())) {
      Thread.currentThread().interrupt();
      work.await();
      assertEquals(50, done.get());
      assertTrue(Thread.interrupted());
    } finally {
      Thread.interrupted();
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
