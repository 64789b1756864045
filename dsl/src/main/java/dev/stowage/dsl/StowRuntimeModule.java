package dev.stowage.dsl;

/**
 * Wires the language's hand-written parts (scoping, validation, formatting, ...) into Xtext's
 * runtime.
 */
public class StowRuntimeModule extends AbstractStowRuntimeModule {}
