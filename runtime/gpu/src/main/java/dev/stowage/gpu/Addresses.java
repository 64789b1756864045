package dev.stowage.gpu;

import java.util.function.LongFunction;

/**
 * JCuda's objects for addresses, made once each: a copy takes two, and steady decoding allocates
 * nothing. Open addressing; the same places are copied from and to again and again.
 */
final class Addresses<T> {
  private final LongFunction<T> make;
  private long[] keys = new long[64];
  private Object[] made = new Object[64];
  private int count;

  Addresses(LongFunction<T> make) {
    this.make = make;
  }

  @SuppressWarnings("unchecked") // what is in the table was made here
  T of(long address) {
    int at = find(address);
    if (made[at] == null) {
      if (2 * ++count > keys.length) {
        grow();
        at = find(address);
      }
      keys[at] = address;
      made[at] = make.apply(address);
    }
    return (T) made[at];
  }

  /** Where an address is, or goes. */
  private int find(long address) {
    int mask = keys.length - 1;
    int at = (int) (address * 0x9e3779b97f4a7c15L >>> 32) & mask;
    while (made[at] != null && keys[at] != address) {
      at = at + 1 & mask;
    }
    return at;
  }

  private void grow() {
    var oldKeys = keys;
    var oldMade = made;
    keys = new long[2 * oldKeys.length];
    made = new Object[keys.length];
    for (int i = 0; i < oldKeys.length; i++) {
      if (oldMade[i] != null) {
        int at = find(oldKeys[i]);
        keys[at] = oldKeys[i];
        made[at] = oldMade[i];
      }
    }
  }
}
