package dev.stowage.runtime.tokenizer;

import dev.stowage.plan.model.ModelFormatException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * How tokens become text: steps that turn each token to bytes, and what is dropped from the start
 * of the whole text. All of it can be done token by token, so that streamed text equals decoded
 * text.
 *
 * <p>One difference from Hugging Face: of bytes that are no UTF-8 only the wrong ones become
 * U+FFFD, not the whole run of byte tokens.
 *
 * @param drops what the start of the whole text loses
 */
record Decoder(List<Step> steps, List<Drop> drops) {
  Decoder {
    steps = List.copyOf(steps);
    drops = List.copyOf(drops);
  }

  /** Up to so many of a character. */
  record Drop(char character, int count) {}

  /** What is done to each token. */
  sealed interface Step {
    /** Hugging Face's behaviour without a decoder: spaces between tokens. */
    record Spaces() implements Step {}

    record Replace(TextPattern pattern, String content) implements Step {}

    record Strip(String character, int start, int stop) implements Step {}

    /** Visible spaces become spaces; the first token loses its own where one had been put. */
    record Metaspace(String replacement, boolean dropFirst) implements Step {}

    /** Tokens like {@code <0x0A>} become bytes, which later steps do not touch. */
    record ByteFallback() implements Step {}

    /** Characters become the bytes they stand for. */
    record Bytes() implements Step {}
  }

  /** The bytes of one token. */
  byte[] bytes(String token, boolean first) {
    String text = token;
    for (var step : steps) {
      switch (step) {
        case Step.Spaces() -> text = first ? text : " " + text;
        case Step.Replace(var pattern, var content) -> text = pattern.replaceAll(text, content);
        case Step.Strip strip -> text = strip(text, strip);
        case Step.Metaspace(var replacement, var dropFirst) ->
            text = text.replace(replacement, first && dropFirst ? "" : " ");
        case Step.ByteFallback() -> {
          if (isByte(text)) {
            return new byte[] {(byte) Integer.parseInt(text, 3, 5, 16)};
          }
        }
        case Step.Bytes() -> {
          return ByteLevel.bytes(text);
        }
      }
    }
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static boolean isByte(String token) {
    return token.length() == 6
        && token.startsWith("<0x")
        && token.charAt(5) == '>'
        && Character.digit(token.charAt(3), 16) >= 0
        && Character.digit(token.charAt(4), 16) >= 0;
  }

  private static String strip(String text, Step.Strip strip) {
    int from = 0;
    int length = strip.character().length();
    for (int i = 0; i < strip.start() && text.startsWith(strip.character(), from); i++) {
      from += length;
    }
    String rest = text.substring(from);
    for (int i = 0; i < strip.stop() && rest.endsWith(strip.character()); i++) {
      rest = rest.substring(0, rest.length() - length);
    }
    return rest;
  }

  static Decoder spaces() {
    return new Decoder(List.of(new Step.Spaces()), List.of());
  }

  static Decoder byteLevel() {
    return new Decoder(List.of(new Step.Bytes()), List.of());
  }

  static Decoder read(Component component) throws ModelFormatException {
    var reader = new Reader();
    reader.read(component);
    return new Decoder(reader.steps, reader.drops);
  }

  /** Walks nested sequences; behind {@code Fuse}, steps speak of the whole text. */
  private static final class Reader {
    private final List<Step> steps = new ArrayList<>();
    private final List<Drop> drops = new ArrayList<>();
    private boolean fused;

    void read(Component component) throws ModelFormatException {
      String type = component.type();
      switch (type) {
        case "Sequence" -> {
          for (var child : component.children("decoders")) {
            read(child);
          }
        }
        case "Fuse" -> fused = true;
        case "ByteLevel" -> {
          add(component, new Step.Bytes());
          fused = true;
        }
        case "ByteFallback" -> add(component, new Step.ByteFallback());
        case "Metaspace" ->
            add(
                component,
                new Step.Metaspace(
                    PreTokenizer.Metaspace.replacement(component),
                    PreTokenizer.Metaspace.prefix(component)
                        != PreTokenizer.Metaspace.Prefix.NEVER));
        case "Replace" -> {
          String content = component.text("content");
          if (content.length() > Normalizer.MOST_GROWTH) {
            throw component.wrong("content", "is too long");
          }
          add(component, new Step.Replace(TextPattern.read(component.child("pattern")), content));
        }
        case "Strip" -> strip(component);
        default -> throw component.unsupported("the decoder " + type);
      }
    }

    private void strip(Component component) throws ModelFormatException {
      String content = component.text("content");
      int start = component.integer("start");
      int stop = component.integer("stop");
      if (content.length() != 1) {
        throw component.wrong("content", "must be one character");
      }
      if (!fused) {
        steps.add(new Step.Strip(content, start, stop));
      } else if (stop == 0) {
        drops.add(new Drop(content.charAt(0), start));
      } else {
        throw component.unsupported("a Strip from the end of the whole text");
      }
    }

    private void add(Component component, Step step) throws ModelFormatException {
      if (fused) {
        throw component.unsupported("this decoder behind one that joins all tokens");
      }
      steps.add(step);
    }
  }
}
