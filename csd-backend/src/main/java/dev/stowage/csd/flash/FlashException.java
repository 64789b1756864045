package dev.stowage.csd.flash;

/**
 * The flash cannot do what was asked: a rule of NAND broken, a damaged page, or a file that fails.
 */
public final class FlashException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public FlashException(String message) {
    super(message);
  }

  public FlashException(String message, Throwable cause) {
    super(message, cause);
  }
}
