package dev.stowage.runtime.text;

import java.util.List;

/**
 * Watches a text that arrives in pieces for strings that end it. Lets through what cannot be the
 * beginning of one, and holds back the rest. Of several, the one that is complete first counts, so
 * the result does not depend on how the text is cut into pieces.
 */
public final class StopStrings {
  private final List<String> stops;
  private final StringBuilder held = new StringBuilder();
  private boolean found;

  /**
   * @param stops strings that end the text; none is empty
   */
  public StopStrings(List<String> stops) {
    this.stops = List.copyOf(stops);
    if (this.stops.stream().anyMatch(String::isEmpty)) {
      throw new IllegalArgumentException("a stop string has at least one character");
    }
  }

  /**
   * Takes the next piece; returns the text that is now known to belong to the result. Once a stop
   * string was {@link #found}, nothing more does.
   */
  public String add(String piece) {
    if (found) {
      return "";
    }
    held.append(piece);
    int complete = Integer.MAX_VALUE; // where the stop string that is complete first ends
    int end = held.length() - possibleBeginning();
    for (var stop : stops) {
      int at = held.indexOf(stop);
      int after = at + stop.length();
      if (at >= 0 && (after < complete || after == complete && at < end)) {
        complete = after;
        end = at;
        found = true;
      }
    }
    String passed = held.substring(0, end);
    if (found) {
      held.setLength(0);
    } else {
      held.delete(0, end);
    }
    return passed;
  }

  /** Whether a stop string has come. */
  public boolean found() {
    return found;
  }

  /** The text held back, when no more comes. */
  public String finish() {
    String rest = held.toString();
    held.setLength(0);
    return rest;
  }

  /** Characters at the end that may be the beginning of a stop string. */
  private int possibleBeginning() {
    int longest = 0;
    for (var stop : stops) {
      for (int n = Math.min(stop.length() - 1, held.length()); n > longest; n--) {
        if (stop.startsWith(held.substring(held.length() - n))) {
          longest = n;
        }
      }
    }
    return longest;
  }
}
