package dev.stowage.runtime.session;

/** Hears every token as it is made. */
@FunctionalInterface
public interface TokenListener {
  /**
   * @param request the request's place among those given
   * @return whether to go on with this request; if not, it finishes with {@link
   *     Completion.Finish#STOP}
   */
  boolean token(int request, int id);

  /**
   * Hears how likely the token is that is to be heard of next, if the request asked for it.
   *
   * @param request the request's place among those given
   */
  default void logprob(int request, TokenLogprob logprob) {}
}
