package dev.stowage.cli.serve;

import dev.stowage.runtime.session.Completion;
import dev.stowage.runtime.session.TokenLogprob;
import java.util.List;
import java.util.Optional;

/** What the thread that generates tells the one that answers. */
sealed interface Event {
  /**
   * A token of a sequence.
   *
   * @param text what can be shown now; a text that may become a stop text waits
   */
  record Token(int choice, int id, String text, Optional<TokenLogprob> logprob) implements Event {}

  /**
   * A sequence has ended.
   *
   * @param text what had to wait until the end
   */
  record Ended(int choice, String text, Completion.Finish finish) implements Event {}

  /** A prompt's own log-probabilities: one for every token but the first. */
  record Scored(int choice, List<TokenLogprob> logprobs) implements Event {}

  /** The model cannot go on. */
  record Failed() implements Event {}
}
