/**
 * Threads that stay: {@link dev.stowage.runtime.parallel.WorkerPool} turns one call over a range of
 * work into pieces that several cores share, without allocating. And threads that go: {@link
 * dev.stowage.runtime.parallel.Background} does pieces of work once, beside who began it. {@link
 * dev.stowage.runtime.parallel.Threads} waits for the end of any.
 */
package dev.stowage.runtime.parallel;
