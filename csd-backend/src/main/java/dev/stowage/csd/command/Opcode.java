package dev.stowage.csd.command;

/** What a command asks for. */
public enum Opcode {
  IDENTIFY(1),
  CONFIGURE(2),
  APPEND(3),
  ATTEND(4),
  RECLAIM(5),
  FLUSH(6),
  STATS(7);

  private static final Opcode[] ALL = values();

  private final byte code;

  Opcode(int code) {
    this.code = (byte) code;
  }

  byte code() {
    return code;
  }

  /** The opcode of a byte, or null for a byte that is none. */
  static Opcode of(byte code) {
    return code >= 1 && code <= ALL.length ? ALL[code - 1] : null;
  }
}
