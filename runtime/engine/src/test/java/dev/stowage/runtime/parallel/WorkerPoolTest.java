package dev.stowage.runtime.parallel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
final class WorkerPoolTest {

  @Test
  void everyIndexIsDoneExactlyOnceInEveryOfManyRuns() {
    int[] done = new int[97]; // plain: run's return must make the workers' writes visible
    WorkerPool.Task task =
        (worker, from, to) -> {
          for (int i = from; i < to; i++) {
            done[i]++;
          }
        };
    int[] expected = new int[done.length];
    try (var pool = new WorkerPool(4)) {
      for (int run = 0; run < 20_000; run++) {
        int size = run % (done.length + 1);
        pool.run(task, size, 1 + run % 7);
        for (int i = 0; i < size; i++) {
          expected[i]++;
        }
        assertTrue(Arrays.equals(expected, done), "run " + run);
      }
    }
  }

  @Test
  void taskChangesBetweenRunsNeverMix() {
    var sums = new AtomicIntegerArray(8);
    var tasks = new WorkerPool.Task[8];
    for (int t = 0; t < tasks.length; t++) {
      int slot = t;
      tasks[t] = (worker, from, to) -> sums.addAndGet(slot, to - from);
    }
    try (var pool = new WorkerPool(4)) {
      for (int run = 0; run < 8_000; run++) {
        pool.run(tasks[run % 8], 10 + run % 8, 1);
      }
    }
    for (int t = 0; t < tasks.length; t++) {
      assertEquals(1_000 * (10 + t), sums.get(t), "task " + t);
    }
  }

  @Test
  void piecesRunOnSeveralThreadsAtOnceEachWithItsOwnNumber() {
    var bothInside = new CountDownLatch(2);
    var numbers = new AtomicInteger();
    try (var pool = new WorkerPool(2)) {
      pool.run(
          (worker, from, to) -> {
            numbers.addAndGet(1 << worker);
            bothInside.countDown();
            try {
              bothInside.await(); // returns only if a second thread is inside its piece
            } catch (InterruptedException e) {
              throw new IllegalStateException(e);
            }
          },
          2,
          1);
    }
    assertEquals(3, numbers.get(), "workers 0 and 1 each did one piece");
  }

  @Test
  void failureInAWorkerReachesTheCallerAndThePoolStaysUsable() {
    var thrown = new IllegalArgumentException("piece 5");
    try (var pool = new WorkerPool(3)) {
      var caught =
          assertThrows(
              IllegalArgumentException.class,
              () ->
                  pool.run(
                      (worker, from, to) -> {
                        if (from == 5) {
                          throw thrown;
                        }
                      },
                      50,
                      1));
      assertSame(thrown, caught);
      var done = new AtomicInteger();
      pool.run((worker, from, to) -> done.addAndGet(to - from), 50, 1);
      assertEquals(50, done.get());
    }
  }

  @Test
  void aTaskCannotRunAnotherOnItsOwnPool() {
    try (var pool = new WorkerPool(2)) {
      var error =
          assertThrows(
              IllegalStateException.class,
              () -> pool.run((worker, from, to) -> pool.run((w, f, t) -> {}, 1, 1), 4, 1));
      assertTrue(error.getMessage().contains("already running"), error.getMessage());
    }
  }

  @Test
  void interruptedCallerStillWaitsAndStaysInterrupted() {
    try (var pool = new WorkerPool(3)) {
      Thread.currentThread().interrupt();
      var done = new AtomicInteger();
      pool.run((worker, from, to) -> done.addAndGet(to - from), 1_000, 1);
      assertEquals(1_000, done.get());
      assertTrue(Thread.interrupted());
    }
  }

  @Test
  void closeEndsTheThreadsAndRefusesFurtherTasks() {
    var pool = new WorkerPool(3);
    var threads = new Thread[3];
    var inside = new CountDownLatch(3);
    pool.run(
        (worker, from, to) -> {
          threads[worker] = Thread.currentThread();
          inside.countDown();
          try {
            inside.await();
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
        },
        3,
        1);
    pool.close();
    pool.close();
    assertSame(Thread.currentThread(), threads[0]);
    assertFalse(threads[1].isAlive());
    assertFalse(threads[2].isAlive());
    assertThrows(IllegalStateException.class, () -> pool.run((worker, from, to) -> {}, 1, 1));
  }
}
