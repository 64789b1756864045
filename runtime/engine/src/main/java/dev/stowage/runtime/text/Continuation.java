package dev.stowage.runtime.text;

import dev.stowage.runtime.tokenizer.TextStream;
import java.util.List;
import java.util.Optional;

/** The text that one prompt's tokens make, as it grows. */
public final class Continuation {
  private final Optional<TextStream> stream;
  private final StopStrings stops;
  private final StringBuilder text = new StringBuilder();

  /**
   * @param stream what makes text of ids; empty where the model has no tokenizer
   */
  public Continuation(Optional<TextStream> stream, List<String> stops) {
    this.stream = stream;
    this.stops = new StopStrings(stops);
  }

  /** Takes a token; returns what can be shown now: text, or the id where there is no text. */
  public String add(int id) {
    if (stream.isEmpty()) {
      String shown = text.isEmpty() ? Integer.toString(id) : " " + id;
      text.append(shown);
      return shown;
    }
    return keep(stops.add(stream.get().add(id)));
  }

  /** Returns what had to wait until the end. */
  public String finish() {
    if (stream.isEmpty() || stops.found()) {
      return "";
    }
    String rest = stops.add(stream.get().finish());
    return keep(rest + stops.finish());
  }

  /** Whether a stop string has ended the text. */
  public boolean stopped() {
    return stops.found();
  }

  /** Whether there is text, and not only ids. */
  public boolean hasText() {
    return stream.isPresent();
  }

  /** All of it so far. */
  public String text() {
    return text.toString();
  }

  private String keep(String shown) {
    text.append(shown);
    return shown;
  }
}
