package dev.stowage.csd.command;

/** The 64-bit semantic address: where in a region's box of the KV cache a command works. */
public final class Address {
  private Address() {}

  /** Slot in bits 63..48, layer in 47..36, KV head in 35..24, token in 23..0. */
  public static long of(int slot, int layer, int head, int token) {
    if ((slot >>> 16 | layer >>> 12 | head >>> 12 | token >>> 24) != 0) {
      throw new IllegalArgumentException(
          "no address has slot %d, layer %d, head %d, token %d"
              .formatted(slot, layer, head, token));
    }
    return (long) slot << 48 | (long) layer << 36 | (long) head << 24 | token;
  }

  public static int slot(long address) {
    return (int) (address >>> 48);
  }

  public static int layer(long address) {
    return (int) (address >>> 36) & 0xFFF;
  }

  public static int head(long address) {
    return (int) (address >>> 24) & 0xFFF;
  }

  public static int token(long address) {
    return (int) address & 0xFF_FFFF;
  }
}
