package dev.stowage.runtime.session;

import java.util.Optional;

/**
 * Requests that come as there is room for them, and what becomes of them. Called by the thread that
 * generates.
 */
public interface RequestStream extends TokenListener {
  /**
   * @param number what its completion is told apart by
   * @param draws what draws of its tokens depend on, besides the seed
   */
  record Numbered(int number, int draws, Request request) {
    /** One whose draws depend on its number. */
    public Numbered(int number, Request request) {
      this(number, number, request);
    }
  }

  /** The next request; empty when there is none. Called between sweeps. */
  Optional<Numbered> next();

  /**
   * Whether there may be requests later though {@link #next} had none: then it is asked again
   * before the next sweep, as long as any request runs.
   */
  default boolean mayGoOn() {
    return false;
  }

  /**
   * How many requests {@link #next} would still have now, or more: of few, all begin at once if
   * there is room for them.
   */
  default int waiting() {
    return Integer.MAX_VALUE;
  }

  /** Takes what became of a request. Called between sweeps, in the order in which they end. */
  void completed(Completion completion);
}
