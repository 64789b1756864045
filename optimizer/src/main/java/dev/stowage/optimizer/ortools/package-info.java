/** Turns a linear program into an outcome with OR-Tools; the only place that knows OR-Tools. */
package dev.stowage.optimizer.ortools;
