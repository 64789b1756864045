package dev.stowage.cli.jinja;

/** A part of a template that writes. */
@FunctionalInterface
interface Node {
  void write(Scope scope);
}
