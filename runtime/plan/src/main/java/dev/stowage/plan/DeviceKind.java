package dev.stowage.plan;

/** The kinds of place where bytes can lie. */
public enum DeviceKind {
  GPU,
  HOST,
  DISK,
  CSD;

  /** The word of the language and of the plan's text. */
  public String word() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }
}
