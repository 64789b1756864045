package dev.stowage.cli.serve;

import dev.stowage.runtime.text.Words;
import dev.stowage.runtime.tokenizer.TextStream;
import dev.stowage.runtime.tokenizer.Tokenizer;
import java.util.Optional;

/** What single tokens are called in answers: their text inside a text. */
final class TokenNames {
  private final Optional<Tokenizer> tokenizer;
  private final int[] before;

  TokenNames(Words words) {
    tokenizer = words.tokenizer();
    before = tokenizer.map(TokenNames::anchor).orElse(new int[0]);
  }

  /** Ids of some text, so that the one after them does not begin a text. */
  private static int[] anchor(Tokenizer tokenizer) {
    try {
      return tokenizer.encodeBare("a");
    } catch (IllegalArgumentException e) {
      return new int[0];
    }
  }

  /** The text of a token; of one without, such as one that ends a text, as it is spelled. */
  String name(int id) {
    if (tokenizer.isEmpty()) {
      return Integer.toString(id);
    }
    if (tokenizer.get().isSpecial(id)) {
      return tokenizer.get().token(id).orElse("");
    }
    var stream = stream(before).orElseThrow();
    return stream.add(id) + stream.finish();
  }

  /** What makes text of the ids that follow others. */
  Optional<TextStream> stream(int[] ids) {
    return tokenizer.map(
        t -> {
          var stream = t.stream();
          for (int id : ids) {
            stream.add(id);
          }
          return stream;
        });
  }
}
