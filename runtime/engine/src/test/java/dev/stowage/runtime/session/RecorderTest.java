package dev.stowage.runtime.session;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What is known of lanes, and what it costs where nobody asks. */
class RecorderTest {
  private static final Recorder.Work WORK = new Recorder.Work("add", "layer 1", 1);

  private final Recorder recorder = new Recorder();
  private final Pass pass = new Pass(2, 1, MemorySegment.NULL);
  private int ran;
  private final Command command =
      recorder.lane("compute(ram)").recorded(pass -> ran++, WORK, pass -> 7);

  private void sweep(boolean prefill) {
    recorder.sweep(prefill);
    long start = System.nanoTime();
    command.run(pass);
    command.run(pass);
    recorder.swept(start, System.nanoTime());
  }

  @Test
  void nothingIsAllocatedWhileNobodyAsks() {
    var bean = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long thread = Thread.currentThread().threadId();
    sweep(false);
    bean.getThreadAllocatedBytes(thread);
    long before = bean.getThreadAllocatedBytes(thread);
    for (int i = 0; i < 1000; i++) {
      sweep(false);
    }
    assertEquals(0, bean.getThreadAllocatedBytes(thread) - before);
    assertEquals(2002, ran);
    assertEquals(List.of(), recorder.recording().lanes());
  }

  @Test
  void keepsEveryPieceOfWorkInItsSweep() {
    recorder.start(true);
    sweep(true);
    sweep(false);
    sweep(false);
    var recording = recorder.recording();
    assertTrue(recording.whole());
    assertEquals(
        List.of(0, 0, 1), recording.sweeps().stream().map(Recording.Sweep::index).toList());
    assertEquals(6, recording.spans().size());
    var busy = new double[2];
    for (int i = 0; i < 6; i++) {
      var span = recording.spans().get(i);
      var sweep = recording.sweeps().get(i / 2);
      assertTrue(span.startSeconds() >= sweep.startSeconds(), recording::toString);
      assertTrue(span.endSeconds() <= sweep.endSeconds(), recording::toString);
      assertEquals("compute(ram) add 2 layer 1 7", told(span));
      busy[sweep.prefill() ? 0 : 1] += span.endSeconds() - span.startSeconds();
    }
    var lane = recording.lanes().getFirst();
    assertEquals("compute(ram)", lane.name());
    assertEquals(busy[0], lane.prefillBusySeconds(), 1e-9);
    assertEquals(busy[1], lane.decodeBusySeconds(), 1e-9);
  }

  @Test
  void timesLanesWithoutKeepingWhatTheyDid() {
    recorder.start(false);
    sweep(false);
    assertEquals(List.of(), recorder.recording().spans());
    assertEquals(List.of(), recorder.recording().sweeps());
    assertEquals(1, recorder.recording().lanes().size());
  }

  @Test
  void readsThatOverlapAreCountedOnceAndLieBesideOrWithinEachOther() {
    recorder.start(true);
    var lane = recorder.lane("read(ssd)");
    var first = lane.reading(new Recorder.Work("first", "layer 0", 0), 1, 2);
    var second = lane.reading(new Recorder.Work("second", "layer 0", 0), 1, 1);
    var third = lane.reading(new Recorder.Work("third", "layer 0", 0), 1, 1);
    long start = System.nanoTime();
    first.begin(); // its requests are long: the second read begins and ends meanwhile
    first.begin();
    first.end();
    second.begin();
    second.end();
    third.begin(); // and the third one begins before it ends
    first.end();
    third.end();
    recorder.swept(start, System.nanoTime());
    var recording = recorder.recording();
    var spans = recording.spans();
    assertEquals(
        List.of("second", "first", "third"), spans.stream().map(Recording.Span::what).toList());
    assertTrue(spans.get(1).startSeconds() < spans.get(0).startSeconds(), spans::toString);
    assertEquals(spans.get(1).endSeconds(), spans.get(2).startSeconds(), 1e-12);
    assertEquals(
        spans.get(2).endSeconds() - spans.get(1).startSeconds(),
        recording.lanes().getFirst().decodeBusySeconds(),
        1e-12);
  }

  private static String told(Recording.Span span) {
    return "%s %s %d %s %d"
        .formatted(span.lane(), span.what(), span.microBatch(), span.stop(), span.bytes());
  }
}
