/**
 * Threads that stay: {@link dev.stowage.runtime.parallel.WorkerPool} turns one call over a range of
 * work into pieces that several cores share, without allocating.
 */
package dev.stowage.runtime.parallel;
