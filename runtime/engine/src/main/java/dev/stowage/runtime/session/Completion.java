package dev.stowage.runtime.session;

import java.util.List;
import java.util.Objects;

/**
 * What became of a request.
 *
 * @param index the request's place among those given
 * @param output generated token ids, without the one that ended the sequence
 * @param logprobs one for every token of the output, or none where they were not asked for
 */
public record Completion(
    int index, List<Integer> output, Finish finish, List<TokenLogprob> logprobs) {
  /** Why a sequence ended. */
  public enum Finish {
    /** As many tokens as asked for, or as the plan has room for. */
    LENGTH,
    /** The listener said so: a stop string. */
    STOP,
    /** The model ended it. */
    EOS;

    public String word() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  public Completion {
    output = List.copyOf(output);
    Objects.requireNonNull(finish);
    logprobs = List.copyOf(logprobs);
  }
}
