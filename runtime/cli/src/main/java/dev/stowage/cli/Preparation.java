package dev.stowage.cli;

import dev.stowage.plan.text.Amount;
import dev.stowage.runtime.weights.PreparedFile;

/**
 * Says how far the rows are that a plan stores otherwise than the model: one line that is written
 * over on a terminal, a line now and then elsewhere.
 */
final class Preparation implements PreparedFile.Progress {
  private static final long TERMINAL_NANOS = 200_000_000L;
  private static final long PLAIN_NANOS = 10_000_000_000L;

  private final Console console;
  private long shown = System.nanoTime();
  private boolean begun;

  Preparation(Console console) {
    this.console = console;
  }

  @Override
  public void made(long bytes, long all) {
    boolean last = bytes == all && begun;
    long now = System.nanoTime();
    if (!last && now - shown < (console.colour() ? TERMINAL_NANOS : PLAIN_NANOS)) {
      return;
    }
    shown = now;
    begun = true;
    var line = "quantizing weights: %d %% of %s".formatted(100 * bytes / all, Amount.bytes(all));
    if (console.colour()) {
      console.err().print("\r" + line + (last ? "\n" : ""));
      console.err().flush();
    } else {
      console.say(line);
    }
    begun = !last;
  }
}
