package dev.stowage.plan.verify;

import java.util.ArrayList;
import java.util.List;

/** Collects violations; keeps the first few, for a hostile plan may break millions. */
final class Findings {
  private static final int MOST = 64;

  private final List<Violation> violations = new ArrayList<>();

  void add(String where, String message, Object... values) {
    if (violations.size() < MOST) {
      violations.add(new Violation(where, message.formatted(values)));
    }
  }

  boolean isEmpty() {
    return violations.isEmpty();
  }

  List<Violation> violations() {
    return List.copyOf(violations);
  }
}
