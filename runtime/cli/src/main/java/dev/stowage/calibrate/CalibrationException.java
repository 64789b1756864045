package dev.stowage.calibrate;

/** This machine cannot be measured; the message is one line for the user. */
public final class CalibrationException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public CalibrationException(String message) {
    super(message);
  }

  CalibrationException(String message, Throwable cause) {
    super(message, cause);
  }
}
