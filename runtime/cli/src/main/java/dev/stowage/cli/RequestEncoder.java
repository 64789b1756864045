package dev.stowage.cli;

import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.plan.model.ModelHeaders;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.text.Continuation;
import dev.stowage.runtime.text.Words;
import dev.stowage.runtime.tokenizer.Tokenizer;
import java.util.HashSet;
import java.util.Set;

/** Makes token ids and limits of what a user asks for. */
record RequestEncoder(PlanSource source, Words words, Set<Integer> endIds) {
  static RequestEncoder of(PlanSource source, boolean ignoreEos) throws ModelFormatException {
    return new RequestEncoder(
        source,
        Words.of(source.model(), source.shape()),
        ignoreEos ? Set.of() : new HashSet<>(ModelHeaders.open(source.model()).endTokens()));
  }

  /**
   * @param where how messages name the prompt
   */
  Request encode(String where, Prompt prompt) throws ModelFormatException {
    var tokens =
        switch (prompt) {
          case Prompt.Text(var text, var _) -> words.encode(text);
          case Prompt.Ids(var given, var _) -> Prompt.checked(where, given, source.shape());
        };
    if (tokens.length == 0) {
      throw Failure.usage(where + " has no tokens: there is nothing to continue");
    }
    var generation = prompt.generation();
    if (words.tokenizer().isEmpty() && !generation.stops().isEmpty()) {
      throw Failure.usage(where + ": a stop string needs a model with a tokenizer");
    }
    int likeliest = generation.logprobs().orElse(0);
    if (likeliest > source.shape().vocabulary()) {
      throw Failure.usage(
          "%s: the likeliest %d tokens of a vocabulary of %d"
              .formatted(where, likeliest, source.shape().vocabulary()));
    }
    int most = generation.maxTokens().orElse(source.generateTokens(tokens.length));
    return new Request(tokens, most, endIds, generation.sampling(), generation.logprobs());
  }

  /** The text that a prompt's tokens will make. */
  Continuation continuation(Prompt prompt) {
    return new Continuation(words.tokenizer().map(Tokenizer::stream), prompt.generation().stops());
  }
}
