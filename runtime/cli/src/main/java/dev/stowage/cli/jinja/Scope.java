package dev.stowage.cli.jinja;

import java.util.HashMap;
import java.util.Map;

/** Variables, and what was written so far; a loop has a scope of its own within another. */
final class Scope {
  private final Scope outer;
  private final Map<String, Object> variables;
  private final Work work;

  /** What all scopes of one rendering share. */
  private static final class Work {
    private static final int MOST_STEPS = 1_000_000;

    final StringBuilder out = new StringBuilder();
    int steps;
  }

  private Scope(Scope outer, Map<String, Object> variables, Work work) {
    this.outer = outer;
    this.variables = variables;
    this.work = work;
  }

  static Scope of(Map<String, Object> variables) {
    return new Scope(null, new HashMap<>(variables), new Work());
  }

  Scope inner() {
    return new Scope(this, new HashMap<>(), work);
  }

  Object get(String name) {
    for (var scope = this; scope != null; scope = scope.outer) {
      if (scope.variables.containsKey(name)) {
        return scope.variables.get(name);
      }
    }
    return new Value.Undefined(name);
  }

  void set(String name, Object value) {
    variables.put(name, value);
  }

  /** Counts a step, so that every rendering ends. */
  void step() {
    if (++work.steps > Work.MOST_STEPS) {
      throw new TemplateException("the template takes too many steps");
    }
  }

  void write(String text) {
    work.out.append(text);
    Value.bounded(work.out.length());
  }

  String written() {
    return work.out.toString();
  }
}
