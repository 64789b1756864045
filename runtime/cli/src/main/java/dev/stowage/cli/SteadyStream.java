package dev.stowage.cli;

import dev.stowage.runtime.session.Completion;
import dev.stowage.runtime.session.Metrics;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.RequestStream;
import dev.stowage.runtime.session.Session;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Measures a stream of requests that never dries up, from one block's last completion to the
 * next's: neither how the first block begins one after another nor how the last one runs out.
 */
final class SteadyStream implements RequestStream {
  private final Session session;
  private final List<Request> block;
  private final int warmUp;
  private final int repetitions;
  private final boolean spans;
  private final Interrupt interrupt;
  private final List<Double> throughput = new ArrayList<>();
  private Metrics before;
  private int next;
  private int completed;
  private double seconds;

  /**
   * @param warmUp blocks that are complete before the first that is measured; one more at least,
   *     until sequences of all ages run
   */
  SteadyStream(
      Session session,
      List<Request> block,
      int warmUp,
      int repetitions,
      boolean spans,
      Interrupt interrupt) {
    this.session = session;
    this.block = block;
    this.warmUp = Math.max(1, warmUp);
    this.repetitions = repetitions;
    this.spans = spans;
    this.interrupt = interrupt;
  }

  Benchmark measure() {
    session.generate(this);
    if (interrupt.requested()) {
      throw new Failure(Exit.INTERRUPTED);
    }
    return new Benchmark(
        List.of(),
        List.of(),
        throughput,
        seconds,
        session.recording().lanes(),
        session.metrics().held());
  }

  private boolean goesOn() {
    return throughput.size() < repetitions && !interrupt.requested();
  }

  @Override
  public Optional<Numbered> next() {
    return goesOn()
        ? Optional.of(new Numbered(next, block.get(next++ % block.size())))
        : Optional.empty();
  }

  @Override
  public boolean token(int request, int id) {
    return goesOn();
  }

  @Override
  public void completed(Completion completion) {
    completed++;
    if (!goesOn() || completed % block.size() > 0 || completed < warmUp * block.size()) {
      return;
    }
    var now = session.metrics();
    if (before == null) {
      session.record(spans);
    } else {
      double took = time(now) - time(before);
      throughput.add((now.generatedTokens() - before.generatedTokens()) / took);
      seconds += took;
    }
    before = now;
  }

  private static double time(Metrics metrics) {
    return metrics.prefillSeconds() + metrics.decodeSeconds();
  }
}
