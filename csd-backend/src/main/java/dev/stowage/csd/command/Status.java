package dev.stowage.csd.command;

/** How a command ended; the ordinal is its code. */
public enum Status {
  OK("done"),
  INVALID_OPCODE("the drive knows no such command"),
  INVALID_VERSION("the drive speaks another version"),
  INVALID_FIELD("a field of the command is invalid"),
  INVALID_DATA("the command's data lie outside the shared memory or have the wrong length"),
  NO_SUCH_REGION("the region is not configured"),
  OUT_OF_RANGE("slot, layer or token lies outside the region, or is not stored"),
  OUT_OF_ORDER("the token is not the next of its sequence"),
  CAPACITY_EXCEEDED("the drive has no room for the region"),
  MEDIA_ERROR("the flash failed"),
  INTERNAL_ERROR("the drive failed");

  private static final Status[] ALL = values();

  private final String meaning;

  Status(String meaning) {
    this.meaning = meaning;
  }

  public String meaning() {
    return meaning;
  }

  /** The status of a code; codes that nobody defined mean that the drive failed. */
  static Status of(int code) {
    return code >= 0 && code < ALL.length ? ALL[code] : INTERNAL_ERROR;
  }
}
