package dev.stowage.runtime.session;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.stowage.runtime.device.DeviceException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

class LaneTest {
  private static final int MORE_THAN_IT_HOLDS = 2_000;

  private final Pass pass = new Pass(0, 1, MemorySegment.NULL);

  @Test
  void runsWhatIsSubmittedInOrderBesideTheSubmitter() {
    var ran = new ArrayList<Integer>();
    try (var lane = new Lane("test")) {
      for (int i = 0; i < MORE_THAN_IT_HOLDS; i++) {
        int number = i;
        lane.submit(p -> ran.add(number), pass);
      }
      lane.drain();
      assertEquals(MORE_THAN_IT_HOLDS, ran.size());
      assertEquals(List.of(0, 1, 2), ran.subList(0, 3));
      assertEquals(MORE_THAN_IT_HOLDS - 1, ran.getLast());
    }
  }

  @Test
  void aTicketIsDueBeforeWhatFollowsIt() {
    var hold = new CountDownLatch(1);
    var ran = new ArrayList<String>();
    try (var lane = new Lane("test")) {
      long first = lane.submit(p -> ran.add("first"), pass);
      lane.submit(p -> await(hold), pass);
      lane.await(first);
      assertEquals(List.of("first"), List.copyOf(ran));
      hold.countDown();
      lane.drain();
    }
  }

  @Test
  void handsItsFailureToWhoeverWaits() {
    var failure = new DeviceException("inst", "is gone");
    try (var lane = new Lane("test")) {
      long ticket =
          lane.submit(
              p -> {
                throw failure;
              },
              pass);
      assertSame(failure, assertThrows(DeviceException.class, () -> lane.await(ticket)));
      assertSame(failure, assertThrows(DeviceException.class, lane::drain));
    }
  }

  @Test
  void endsItsThreadWhenItCloses() {
    try (var lane = new Lane("closing")) {
      lane.submit(p -> {}, pass);
      lane.drain();
    }
    assertFalse(
        Thread.getAllStackTraces().keySet().stream()
            .anyMatch(thread -> thread.getName().equals("stowage-closing") && thread.isAlive()));
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
