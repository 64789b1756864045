/** Turns a problem and its placement into what would make it faster, and what else was possible. */
package dev.stowage.optimizer.advice;
