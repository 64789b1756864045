package dev.stowage.runtime.tokenizer;

/**
 * Unicode's property White_Space, no-break spaces and U+0085 included, which Java's own methods
 * leave out. All of it lies in the basic plane.
 */
final class WhiteSpace {
  private WhiteSpace() {}

  static boolean is(char c) {
    return Character.isSpaceChar(c) || '\t' <= c && c <= '\r' || c == 0x85;
  }
}
