package dev.stowage.api;

/**
 * A plan cannot be loaded or run here: it is damaged, its model is missing or another, or this
 * machine lacks what it needs. The message is one line for the user.
 */
public final class StowageException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  StowageException(String message, Throwable cause) {
    super(message, cause);
  }

  StowageException(String message) {
    super(message);
  }
}
