package dev.stowage.runtime.tokenizer;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Decodes ids as they arrive. What it returns, in order, is the decoded text: a character whose
 * bytes are spread over several tokens comes with the last of them.
 */
public final class TextStream {
  private final Tokenizer tokenizer;
  private final Decoder decoder;
  private final CharsetDecoder utf8 =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPLACE)
          .onUnmappableCharacter(CodingErrorAction.REPLACE);
  private final List<Decoder.Drop> drops;
  private int drop;
  private int dropped;
  private ByteBuffer pending = ByteBuffer.allocate(64);
  private boolean first = true;

  TextStream(Tokenizer tokenizer, Decoder decoder) {
    this.tokenizer = tokenizer;
    this.decoder = decoder;
    drops = decoder.drops();
  }

  /** The text that this token completes; special tokens and ids without a token yield none. */
  public String add(int id) {
    var token = tokenizer.token(id);
    if (token.isEmpty() || tokenizer.isSpecial(id)) {
      return "";
    }
    byte[] bytes = decoder.bytes(token.get(), first);
    first = false;
    if (pending.remaining() < bytes.length) {
      pending = ByteBuffer.allocate(2 * (pending.position() + bytes.length)).put(pending.flip());
    }
    pending.put(bytes);
    return decode(false);
  }

  /** The text of bytes that no further token completes. To be called once, at the end. */
  public String finish() {
    return decode(true);
  }

  private String decode(boolean end) {
    pending.flip();
    var characters = CharBuffer.allocate(pending.remaining() + 1);
    utf8.decode(pending, characters, end);
    if (end) {
      utf8.flush(characters);
    }
    pending.compact();
    return withoutDrops(characters.flip().toString());
  }

  private String withoutDrops(String text) {
    int from = 0;
    while (from < text.length() && drop < drops.size()) {
      var current = drops.get(drop);
      if (dropped < current.count() && text.charAt(from) == current.character()) {
        dropped++;
        from++;
      } else {
        drop++;
        dropped = 0;
      }
    }
    return text.substring(from);
  }
}
