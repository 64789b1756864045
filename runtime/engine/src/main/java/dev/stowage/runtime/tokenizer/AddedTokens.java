package dev.stowage.runtime.tokenizer;

import dev.stowage.plan.model.ModelFormatException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Tokens that are cut out of a text before the model sees it. At each place the longest one that
 * begins there is taken.
 */
final class AddedTokens {
  private static final int LONGEST = 512;
  private static final Pattern WORD = Pattern.compile("\\w", Pattern.UNICODE_CHARACTER_CLASS);

  /**
   * One of them.
   *
   * @param singleWord taken only where no letter, digit or underscore touches it
   * @param leftStrip takes the white space on its left along
   * @param rightStrip takes the white space on its right along
   * @param normalized looked for after normalization, not before
   * @param special left out of decoded text
   */
  record Token(
      int id,
      String content,
      boolean singleWord,
      boolean leftStrip,
      boolean rightStrip,
      boolean normalized,
      boolean special) {
    static Token special(int id, String content) {
      return new Token(id, content, false, false, false, false, true);
    }

    static Token read(Component component) throws ModelFormatException {
      String content = component.text("content");
      if (content.isEmpty() || content.length() > LONGEST) {
        throw component.wrong("content", "must have 1 to " + LONGEST + " characters");
      }
      boolean special = component.flag("special", false);
      return new Token(
          component.integer("id"),
          content,
          component.flag("single_word", false),
          component.flag("lstrip", false),
          component.flag("rstrip", false),
          component.flag("normalized", !special),
          special);
    }
  }

  /** A cut part of a text: an added token's id, or −1 for text. */
  record Part(String text, int id, boolean first) {}

  /** Tokens by the characters that spell them. */
  private static final class Node {
    private final Map<Character, Node> children = new HashMap<>();
    private Token token;
  }

  private final Node verbatim = new Node();
  private final Node normalized = new Node();

  AddedTokens(List<Token> tokens, Normalizer normalizer) {
    for (var token : tokens) {
      if (token.normalized()) {
        put(normalized, normalizer.normalize(token.content()), token);
      } else {
        put(verbatim, token.content(), token);
      }
    }
  }

  private static void put(Node root, String spelling, Token token) {
    var node = root;
    for (int i = 0; i < spelling.length(); i++) {
      node = node.children.computeIfAbsent(spelling.charAt(i), c -> new Node());
    }
    if (node != root) {
      node.token = token;
    }
  }

  /** Cuts a text as written. */
  List<Part> cutVerbatim(String text) {
    return cut(verbatim, text, true);
  }

  /** Cuts a normalized part of a text. */
  List<Part> cutNormalized(String text, boolean first) {
    return cut(normalized, text, first);
  }

  private static List<Part> cut(Node root, String text, boolean first) {
    var parts = new ArrayList<Part>();
    int done = 0;
    for (int i = 0; i < text.length() && !root.children.isEmpty(); ) {
      var token = longestAt(root, text, i);
      if (token == null) {
        i++;
        continue;
      }
      int end = i + token.length;
      if (token.token.singleWord() && !standsAlone(text, i, end)) {
        i = end;
        continue;
      }
      int from = i;
      while (token.token.leftStrip() && from > done && WhiteSpace.is(text.charAt(from - 1))) {
        from--;
      }
      int to = end;
      while (token.token.rightStrip() && to < text.length() && WhiteSpace.is(text.charAt(to))) {
        to++;
      }
      if (done < from) {
        parts.add(new Part(text.substring(done, from), -1, first && done == 0));
      }
      parts.add(new Part(text.substring(from, to), token.token.id(), first && from == 0));
      done = to;
      i = to;
    }
    if (done < text.length()) {
      parts.add(new Part(text.substring(done), -1, first && done == 0));
    }
    return parts;
  }

  private record Found(Token token, int length) {}

  private static Found longestAt(Node root, String text, int at) {
    Found found = null;
    var node = root;
    for (int i = at; i < text.length(); i++) {
      node = node.children.get(text.charAt(i));
      if (node == null) {
        break;
      }
      if (node.token != null) {
        found = new Found(node.token, i + 1 - at);
      }
    }
    return found;
  }

  private static boolean standsAlone(String text, int from, int to) {
    return (from == 0 || !isWord(text.codePointBefore(from)))
        && (to == text.length() || !isWord(text.codePointAt(to)));
  }

  private static boolean isWord(int codePoint) {
    return WORD.matcher(Character.toString(codePoint)).matches();
  }
}
