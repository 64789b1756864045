package dev.stowage.runtime.session;

/** A step bound to memory, kernels and lanes: running it computes, and allocates nothing. */
@FunctionalInterface
interface Command {
  void run(Pass pass);
}
