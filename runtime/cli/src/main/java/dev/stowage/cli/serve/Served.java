package dev.stowage.cli.serve;

import dev.stowage.plan.BatchShape;
import dev.stowage.runtime.session.Session;
import dev.stowage.runtime.text.Words;
import java.util.Objects;
import java.util.Set;

/**
 * A model that is served.
 *
 * @param name what requests call it
 * @param session used by the server alone while it runs
 * @param batch slots, and room of a sequence
 * @param endIds ids that end a text
 * @param chat how messages become a prompt
 */
public record Served(
    String name,
    Session session,
    BatchShape batch,
    Words words,
    Set<Integer> endIds,
    ChatTemplate chat) {
  public Served {
    Objects.requireNonNull(name);
    Objects.requireNonNull(session);
    Objects.requireNonNull(batch);
    Objects.requireNonNull(words);
    endIds = Set.copyOf(endIds);
    Objects.requireNonNull(chat);
  }
}
