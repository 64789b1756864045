package dev.stowage.runtime.tokenizer;

import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.tokenizer.TextPattern.Span;
import java.util.ArrayList;
import java.util.List;

/** Cuts text into the pieces within which the model merges. */
sealed interface PreTokenizer {
  /**
   * A piece of text.
   *
   * @param first whether it begins the whole text
   */
  record Piece(String text, boolean first) {}

  /** Adds what becomes of a piece, in order; nothing empty. */
  void cut(Piece piece, List<Piece> into);

  record None() implements PreTokenizer {
    @Override
    public void cut(Piece piece, List<Piece> into) {
      into.add(piece);
    }
  }

  /** Cuts at matches of a pattern; {@code invert} swaps what matches with what does not. */
  record Split(TextPattern pattern, Behavior behavior, boolean invert) implements PreTokenizer {
    @Override
    public void cut(Piece piece, List<Piece> into) {
      String text = piece.text();
      for (var span : behavior.join(spans(text))) {
        if (span.from() < span.to()) {
          into.add(
              new Piece(text.substring(span.from(), span.to()), piece.first() && span.from() == 0));
        }
      }
    }

    private List<Span> spans(String text) {
      var spans = pattern.spans(text);
      if (invert) {
        spans.replaceAll(span -> new Span(span.from(), span.to(), !span.match()));
      }
      return spans;
    }
  }

  /** What becomes of a match. */
  enum Behavior {
    REMOVED,
    ISOLATED,
    MERGED_WITH_PREVIOUS,
    MERGED_WITH_NEXT,
    CONTIGUOUS;

    List<Span> join(List<Span> spans) {
      var joined = new ArrayList<Span>();
      boolean previousMatch = false;
      switch (this) {
        case ISOLATED -> joined.addAll(spans);
        case REMOVED -> spans.stream().filter(span -> !span.match()).forEach(joined::add);
        case MERGED_WITH_PREVIOUS -> {
          for (var span : spans) {
            if (span.match() && !previousMatch && !joined.isEmpty()) {
              joined.add(new Span(joined.removeLast().from(), span.to(), false));
            } else {
              joined.add(span);
            }
            previousMatch = span.match();
          }
        }
        case MERGED_WITH_NEXT -> {
          for (var span : spans.reversed()) {
            if (span.match() && !previousMatch && !joined.isEmpty()) {
              joined.add(new Span(span.from(), joined.removeLast().to(), false));
            } else {
              joined.add(span);
            }
            previousMatch = span.match();
          }
          return joined.reversed();
        }
        case CONTIGUOUS -> {
          for (var span : spans) {
            if (span.match() == previousMatch && !joined.isEmpty()) {
              joined.add(new Span(joined.removeLast().from(), span.to(), false));
            } else {
              joined.add(span);
            }
            previousMatch = span.match();
          }
        }
      }
      return joined;
    }

    static Behavior read(Component component) throws ModelFormatException {
      String name = component.text("behavior");
      return switch (name) {
        case "Removed", "removed" -> REMOVED;
        case "Isolated", "isolated" -> ISOLATED;
        case "MergedWithPrevious", "merged_with_previous" -> MERGED_WITH_PREVIOUS;
        case "MergedWithNext", "merged_with_next" -> MERGED_WITH_NEXT;
        case "Contiguous", "contiguous" -> CONTIGUOUS;
        default -> throw component.unsupported("the behavior " + name);
      };
    }
  }

  /** Bytes as printable characters, cut as GPT-2 does where {@code words} is set. */
  record Bytes(boolean prefixSpace, boolean words) implements PreTokenizer {
    private static final Split GPT2 =
        new Split(
            TextPattern.java(
                "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"),
            Behavior.ISOLATED,
            false);

    @Override
    public void cut(Piece piece, List<Piece> into) {
      var whole =
          prefixSpace && !piece.text().startsWith(" ")
              ? new Piece(" " + piece.text(), piece.first())
              : piece;
      int from = into.size();
      if (words) {
        GPT2.cut(whole, into);
      } else {
        into.add(whole);
      }
      for (int i = from; i < into.size(); i++) {
        into.set(i, new Piece(ByteLevel.characters(into.get(i).text()), into.get(i).first()));
      }
    }
  }

  /** SentencePiece's visible spaces. */
  record Metaspace(String replacement, Prefix prefix, boolean words) implements PreTokenizer {
    /** Where a space is put in front. */
    enum Prefix {
      ALWAYS,
      FIRST,
      NEVER
    }

    @Override
    public void cut(Piece piece, List<Piece> into) {
      String text = piece.text().replace(" ", replacement);
      boolean put =
          switch (prefix) {
            case ALWAYS -> true;
            case FIRST -> piece.first();
            case NEVER -> false;
          };
      if (put && !text.startsWith(replacement)) {
        text = replacement + text;
      }
      if (words) {
        new Split(TextPattern.literal(replacement), Behavior.MERGED_WITH_NEXT, false)
            .cut(new Piece(text, piece.first()), into);
      } else {
        into.add(new Piece(text, piece.first()));
      }
    }

    static Metaspace read(Component component) throws ModelFormatException {
      String replacement = replacement(component);
      return new Metaspace(replacement, prefix(component), component.flag("split", true));
    }

    static String replacement(Component component) throws ModelFormatException {
      String replacement = component.text("replacement", "▁");
      if (replacement.codePointCount(0, replacement.length()) != 1) {
        throw component.wrong("replacement", "must be one character");
      }
      return replacement;
    }

    static Prefix prefix(Component component) throws ModelFormatException {
      boolean old = component.flag("add_prefix_space", true);
      String scheme = component.text("prepend_scheme", old ? "always" : "never");
      return switch (scheme) {
        case "always" -> Prefix.ALWAYS;
        case "first" -> Prefix.FIRST;
        case "never" -> Prefix.NEVER;
        default -> throw component.unsupported("the prepend_scheme " + scheme);
      };
    }
  }

  record Sequence(List<PreTokenizer> steps) implements PreTokenizer {
    public Sequence {
      steps = List.copyOf(steps);
    }

    @Override
    public void cut(Piece piece, List<Piece> into) {
      var pieces = List.of(piece);
      for (var step : steps) {
        var next = new ArrayList<Piece>();
        for (var each : pieces) {
          step.cut(each, next);
        }
        pieces = next;
      }
      into.addAll(pieces);
    }
  }

  static PreTokenizer read(Component component) throws ModelFormatException {
    String type = component.type();
    return switch (type) {
      case "ByteLevel" ->
          new Bytes(component.flag("add_prefix_space", true), component.flag("use_regex", true));
      case "Split" ->
          new Split(
              TextPattern.read(component.child("pattern")),
              Behavior.read(component),
              component.flag("invert", false));
      case "Metaspace" -> Metaspace.read(component);
      case "Digits" ->
          new Split(
              TextPattern.java("\\p{N}"),
              component.flag("individual_digits", false) ? Behavior.ISOLATED : Behavior.CONTIGUOUS,
              false);
      case "Punctuation" ->
          new Split(
              TextPattern.java("[\\p{P}!-/:-@\\[-`{-~]"),
              component.has("behavior") ? Behavior.read(component) : Behavior.ISOLATED,
              false);
      case "WhitespaceSplit" -> new Split(TextPattern.java("\\s"), Behavior.REMOVED, false);
      case "Whitespace" -> new Split(TextPattern.java("\\w+|[^\\w\\s]+"), Behavior.REMOVED, true);
      case "Sequence" -> {
        var steps = new ArrayList<PreTokenizer>();
        for (var step : component.children("pretokenizers")) {
          steps.add(read(step));
        }
        yield new Sequence(steps);
      }
      default -> throw component.unsupported("the pre-tokenizer " + type);
    };
  }
}
