package dev.stowage.api;

import dev.stowage.runtime.session.Completion;
import java.util.List;
import java.util.Objects;

/**
 * A continuation.
 *
 * @param text what follows the prompt; the ids with blanks between where the model has no tokenizer
 * @param ids its tokens
 * @param finish why it ended
 * @param promptTokens tokens of the prompt
 */
public record Generated(
    String text, List<Integer> ids, Completion.Finish finish, int promptTokens) {
  public Generated {
    Objects.requireNonNull(text);
    ids = List.copyOf(ids);
    Objects.requireNonNull(finish);
  }
}
