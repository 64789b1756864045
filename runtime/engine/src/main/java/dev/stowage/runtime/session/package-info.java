/**
 * Turns a plan, its schedule and a model's files into tokens.
 *
 * <p>{@link dev.stowage.runtime.session.Session#open} binds: devices are opened, every buffer is
 * allocated within its device's budget, weights are loaded where they belong, and every step of the
 * plan becomes a command that knows its memory. What follows only walks arrays: {@code Program}
 * takes every micro-batch through its stops in the order of the schedule's word, the read lane
 * ({@code WeightStream}) loads weights ahead of it, and a device lane ({@code Lane}) attends beside
 * it.
 *
 * <p>Sequences of different lengths share a block without padding: in every sweep each contributes
 * the next chunk of its prompt, or the token it generated last. A slot whose sequence has ended
 * takes the next request.
 */
package dev.stowage.runtime.session;
