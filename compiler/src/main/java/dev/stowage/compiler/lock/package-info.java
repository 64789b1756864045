/**
 * Turns what was compiled into {@code FILE.lock}, a small file beside the source that people
 * review, and back: {@code Compilation.Compiled → Decisions → LockFile → text}. The same input
 * gives the same bytes: keys are sorted, a decision has a line of its own, numbers have six digits,
 * and nothing is said of the machine, the day or the folder.
 */
package dev.stowage.compiler.lock;
