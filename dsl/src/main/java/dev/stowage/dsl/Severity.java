package dev.stowage.dsl;

/** How much a {@link Diagnostic} matters: only an error keeps a plan from being compiled. */
public enum Severity {
  ERROR,
  WARNING,
  INFO
}
