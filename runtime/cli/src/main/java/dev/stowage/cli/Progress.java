package dev.stowage.cli;

import dev.stowage.plan.text.Amount;

/** How far a job is: one line that is written over on a terminal, a line now and then elsewhere. */
final class Progress {
  private static final int WIDTH = 24;
  private static final long TERMINAL_NANOS = 200_000_000L;
  private static final long PLAIN_NANOS = 10_000_000_000L;

  private final Console console;
  private final int requests;
  private final int before;
  private final long began = System.nanoTime();
  private long shown;
  private int done;
  private long tokens;
  private int width;

  /**
   * @param requests of the whole job
   * @param before those that were done earlier
   */
  Progress(Console console, int requests, int before) {
    this.console = console;
    this.requests = requests;
    this.before = before;
    shown = began;
  }

  void token() {
    tokens++;
    show(false);
  }

  void completed() {
    done++;
    show(false);
  }

  /** The last word. */
  void end() {
    show(true);
    if (console.colour()) {
      console.err().println();
    }
  }

  private void show(boolean last) {
    long now = System.nanoTime();
    if (!last && now - shown < (console.colour() ? TERMINAL_NANOS : PLAIN_NANOS)) {
      return;
    }
    shown = now;
    var line = line((now - began) * 1e-9);
    if (console.colour()) {
      console.err().print("\r" + line + " ".repeat(Math.max(0, width - line.length())));
      console.err().flush();
      width = line.length();
    } else {
      console.say(line);
    }
  }

  /** What is shown after so many seconds. */
  String line(double seconds) {
    int all = before + done;
    var text = new StringBuilder();
    if (console.colour()) {
      int full = (int) ((long) WIDTH * all / requests);
      text.append('[').append("#".repeat(full)).append(".".repeat(WIDTH - full)).append("] ");
    }
    text.append(
        Amount.format(
            "%s of %s requests, %s tok, %s", all, requests, tokens, Amount.rate(tokens / seconds)));
    if (done > 0 && all < requests) {
      text.append(", ").append(clock(seconds / done * (requests - all))).append(" to go");
    }
    return text.toString();
  }

  private static String clock(double seconds) {
    long whole = Math.round(seconds);
    return whole < 3600
        ? "%d:%02d".formatted(whole / 60, whole % 60)
        : "%d:%02d:%02d".formatted(whole / 3600, whole / 60 % 60, whole % 60);
  }
}
