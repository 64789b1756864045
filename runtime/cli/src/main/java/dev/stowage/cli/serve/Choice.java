package dev.stowage.cli.serve;

import dev.stowage.runtime.session.TokenLogprob;
import dev.stowage.runtime.tokenizer.TextStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** One continuation of an answer, as it grows. */
final class Choice {
  /**
   * A token that is told of with its log-probability.
   *
   * @param text what it adds to the text
   * @param offset of its text in the choice's
   * @param logprob empty for the first token of a prompt
   */
  record Told(int id, String text, int offset, Optional<TokenLogprob> logprob) {}

  private final StringBuilder text = new StringBuilder();
  private final List<Told> told = new ArrayList<>();
  private final Optional<TextStream> stream;
  private int offset;
  private int tokens;
  private String finish;
  private int shown; // how many of those told were in an answer

  /**
   * @param stream what makes text of the tokens that are told of
   */
  Choice(Optional<TextStream> stream) {
    this.stream = stream;
  }

  /** Takes the prompt, for an answer that begins with it. */
  void echo(String prompt) {
    text.append(prompt);
  }

  /** Takes the prompt's tokens with their log-probabilities. */
  void echo(int[] ids, List<TokenLogprob> logprobs) {
    for (int i = 0; i < ids.length; i++) {
      tell(ids[i], i == 0 ? Optional.empty() : Optional.of(logprobs.get(i - 1)));
    }
  }

  void add(Event.Token token) {
    tokens++;
    text.append(token.text());
    if (token.logprob().isPresent()) {
      tell(token.id(), token.logprob());
    }
  }

  private void tell(int id, Optional<TokenLogprob> logprob) {
    var added = stream.isPresent() ? stream.get().add(id) : Integer.toString(id);
    told.add(new Told(id, added, offset, logprob));
    offset += added.length();
  }

  void end(Event.Ended ended) {
    text.append(ended.text());
    finish =
        switch (ended.finish()) {
          case LENGTH -> "length";
          case STOP, EOS -> "stop";
        };
  }

  String text() {
    return text.toString();
  }

  List<Told> told() {
    return told;
  }

  /** Those told of since this was asked before. */
  List<Told> newlyTold() {
    var rest = List.copyOf(told.subList(shown, told.size()));
    shown = told.size();
    return rest;
  }

  /** Generated. */
  int tokens() {
    return tokens;
  }

  /** Why it ended; null while it has not. */
  String finish() {
    return finish;
  }
}
