package dev.stowage.runtime.session;

import java.util.Optional;

/**
 * Requests that come as there is room for them, and what becomes of them. Called by the thread that
 * generates.
 */
public interface RequestStream extends TokenListener {
  /**
   * @param number what its completion is told apart by, and what draws of its tokens depend on
   */
  record Numbered(int number, Request request) {}

  /** The next request; empty when there are no more. Called between sweeps. */
  Optional<Numbered> next();

  /** Takes what became of a request. Called between sweeps, in the order in which they end. */
  void completed(Completion completion);
}
