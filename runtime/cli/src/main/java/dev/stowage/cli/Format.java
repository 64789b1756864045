package dev.stowage.cli;

/** How a result is written. */
enum Format {
  HUMAN,
  JSON;

  @Override
  public String toString() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }
}
