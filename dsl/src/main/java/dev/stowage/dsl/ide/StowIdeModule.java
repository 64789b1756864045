package dev.stowage.dsl.ide;

/** Wires the language's editor services. */
public class StowIdeModule extends AbstractStowIdeModule {}
