package dev.stowage.cli.serve;

import dev.stowage.runtime.parallel.Threads;
import dev.stowage.runtime.session.Completion;
import dev.stowage.runtime.session.RequestStream;
import dev.stowage.runtime.session.Session;
import dev.stowage.runtime.session.TokenLogprob;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Puts requests that come at any time into the plan's slots, on a thread of its own: what waits
 * joins at the next sweep in which a slot is free, in the order in which it came.
 */
final class Batcher implements AutoCloseable {
  private final Session session;
  private final int slots;
  private final int mostWaiting;
  private final Counters counters;
  private final Thread thread;
  private final ArrayDeque<Job> waiting = new ArrayDeque<>(); // guarded by this
  private int running; // guarded by this
  private boolean closing; // guarded by this
  private volatile Throwable failure;

  Batcher(Session session, int slots, int mostWaiting, Counters counters) {
    this.session = session;
    this.slots = slots;
    this.mostWaiting = mostWaiting;
    this.counters = counters;
    thread = Thread.ofPlatform().name("stowage-serve").unstarted(this::work);
  }

  void start() {
    thread.start();
  }

  /**
   * Takes all jobs of a request, or none.
   *
   * @throws ApiError if there is no room for them, or the server ends
   */
  synchronized void submit(List<Job> jobs) {
    if (closing || failure != null) {
      throw ApiError.unavailable(503, "shutting_down", "the server is shutting down");
    }
    if (jobs.size() > slots + mostWaiting) {
      throw ApiError.badRequest(
          "prompt",
          "%d sequences in one request, and the server takes %d"
              .formatted(jobs.size(), slots + mostWaiting));
    }
    waiting.removeIf(job -> job.call().over());
    if (running + waiting.size() + jobs.size() > slots + mostWaiting) {
      throw ApiError.busy(
          "%d sequences run and %d wait: try again later".formatted(running, waiting.size()));
    }
    waiting.addAll(jobs);
    notifyAll();
  }

  synchronized int running() {
    return running;
  }

  synchronized int waiting() {
    return waiting.size();
  }

  /** What has ended the thread before it was told to end, if anything has. */
  Optional<Throwable> failure() {
    return Optional.ofNullable(failure);
  }

  private void work() {
    var stream = new Stream();
    try {
      for (var next = await(); next.isPresent(); next = await()) {
        switch (next.get()) {
          case Job.Scoring scoring -> score(scoring);
          case Job.Sequence _ -> session.generate(stream);
        }
      }
    } catch (Throwable e) {
      fail(stream, e);
    }
  }

  private synchronized void fail(Stream stream, Throwable e) {
    failure = e;
    stream.sequences.values().forEach(sequence -> sequence.out().accept(new Event.Failed()));
    waiting.forEach(job -> job.out().accept(new Event.Failed()));
    waiting.clear();
    running = 0;
    counters.failed();
  }

  /** The next job, which goes on waiting if it is a sequence; empty at the end. */
  private synchronized Optional<Job> await() throws InterruptedException {
    while (true) {
      waiting.removeIf(job -> job.call().over());
      var next = waiting.peek();
      if (next != null) {
        if (next instanceof Job.Scoring) {
          waiting.poll();
          running++;
        }
        return Optional.of(next);
      }
      if (closing) {
        return Optional.empty();
      }
      wait();
    }
  }

  private void score(Job.Scoring scoring) {
    var logprobs = session.scoreEvery(scoring.ids(), scoring.likeliest());
    counters.prompt(scoring.ids().length);
    synchronized (this) {
      running--;
    }
    scoring.out().accept(new Event.Scored(scoring.choice(), logprobs));
  }

  /** The sequences that wait; none while a prompt that is to be scored waits before them. */
  private final class Stream implements RequestStream {
    final Map<Integer, Job.Sequence> sequences = new HashMap<>();
    private final Map<Integer, TokenLogprob> logprobs = new HashMap<>();
    private int number;

    @Override
    public Optional<Numbered> next() {
      synchronized (Batcher.this) {
        while (waiting.peek() instanceof Job.Sequence sequence) {
          waiting.poll();
          if (!sequence.call().over()) {
            running++;
            number = number == Integer.MAX_VALUE ? 0 : number + 1;
            sequences.put(number, sequence);
            counters.prompt(sequence.request().prompt().length);
            return Optional.of(new Numbered(number, 0, sequence.request()));
          }
        }
        return Optional.empty();
      }
    }

    @Override
    public int waiting() {
      synchronized (Batcher.this) {
        return waiting.size();
      }
    }

    @Override
    public boolean mayGoOn() {
      return true;
    }

    @Override
    public void logprob(int request, TokenLogprob logprob) {
      logprobs.put(request, logprob);
    }

    @Override
    public boolean token(int request, int id) {
      var sequence = sequences.get(request);
      var text = sequence.text().add(id);
      counters.token();
      var logprob = Optional.ofNullable(logprobs.remove(request));
      sequence.out().accept(new Event.Token(sequence.choice(), id, text, logprob));
      return !sequence.text().stopped() && !sequence.call().over();
    }

    @Override
    public void completed(Completion completion) {
      var sequence = sequences.remove(completion.index());
      synchronized (Batcher.this) {
        running--;
      }
      var rest = sequence.text().finish();
      sequence.out().accept(new Event.Ended(sequence.choice(), rest, completion.finish()));
    }
  }

  /** Ends once nothing runs or waits any more. */
  @Override
  public void close() {
    synchronized (this) {
      closing = true;
      notifyAll();
    }
    Threads.join(thread);
  }
}
