package dev.stowage.cli.serve;

import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.text.Continuation;
import java.util.function.Consumer;

/** What waits for the session: a sequence for a slot, or a prompt that is to be scored. */
sealed interface Job {
  /** What is told of it; takes without waiting. */
  Consumer<Event> out();

  /** The request that it is part of. */
  Call call();

  /** Generates. */
  record Sequence(Call call, int choice, Request request, Continuation text, Consumer<Event> out)
      implements Job {}

  /** Scores; for that the session has to be alone. */
  record Scoring(Call call, int choice, int[] ids, int likeliest, Consumer<Event> out)
      implements Job {}

  /** A request; what it is part of ends when nobody waits for its answer any more. */
  final class Call {
    private volatile boolean over;

    boolean over() {
      return over;
    }

    void end() {
      over = true;
    }
  }
}
