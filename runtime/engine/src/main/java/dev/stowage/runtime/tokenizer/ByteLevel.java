package dev.stowage.runtime.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * GPT-2's way to write any bytes as printable characters: a printable Latin-1 byte stands for
 * itself, the others for the characters from U+0100 on, in order; a space so becomes {@code Ġ}.
 */
final class ByteLevel {
  private static final char[] CHARACTER = new char[256];
  private static final int[] BYTE = new int[0x200];

  static {
    Arrays.fill(BYTE, -1);
    int others = 0;
    for (int b = 0; b < 256; b++) {
      boolean itself = '!' <= b && b <= '~' || 0xa1 <= b && b <= 0xac || 0xae <= b && b <= 0xff;
      CHARACTER[b] = (char) (itself ? b : 0x100 + others++);
      BYTE[CHARACTER[b]] = b;
    }
  }

  private ByteLevel() {}

  /** The text's UTF-8 bytes as characters. */
  static String characters(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    char[] characters = new char[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      characters[i] = CHARACTER[bytes[i] & 0xff];
    }
    return new String(characters);
  }

  /** The bytes a token stands for; its own UTF-8 where a character of it stands for none. */
  static byte[] bytes(String token) {
    byte[] bytes = new byte[token.length()];
    for (int i = 0; i < bytes.length; i++) {
      char c = token.charAt(i);
      if (c >= BYTE.length || BYTE[c] < 0) {
        return token.getBytes(StandardCharsets.UTF_8);
      }
      bytes[i] = (byte) BYTE[c];
    }
    return bytes;
  }
}
