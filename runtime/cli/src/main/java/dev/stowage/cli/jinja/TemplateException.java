package dev.stowage.cli.jinja;

/** A template that cannot be read or rendered; the message is one line for the user. */
public final class TemplateException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  TemplateException(String message) {
    super(message);
  }
}
