package dev.stowage.plan;

import dev.stowage.plan.text.PlanFormatException;
import dev.stowage.plan.text.PlanParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/**
 * A hand-written plan: weights split over host and disk, KV cache over a drive and the host, two
 * micro-batches.
 */
public final class SplitPlan {
  private SplitPlan() {}

  public static String text() {
    try (var in = SplitPlan.class.getResourceAsStream("split.plan.txt")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The text, with the first occurrence of a part replaced. */
  public static String with(String from, String to) {
    var text = text();
    int at = text.indexOf(from);
    if (at < 0) {
      throw new IllegalArgumentException("the plan does not say: " + from);
    }
    return text.substring(0, at) + to + text.substring(at + from.length());
  }

  public static ExecutablePlan plan() throws PlanFormatException {
    return PlanParser.parse(text());
  }
}
