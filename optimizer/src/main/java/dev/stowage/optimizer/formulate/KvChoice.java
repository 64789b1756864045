package dev.stowage.optimizer.formulate;

/** A route that a group of layers may take. */
public record KvChoice(KvGroup group, Routes.Alike routes) {}
