/**
 * Turns HTTP requests of the OpenAI form into sequences of a session, and their tokens into answers
 * and streams of events.
 *
 * <p>{@link dev.stowage.cli.serve.ApiServer} takes requests, each on a virtual thread, reads them
 * strictly and hands their sequences to the {@code Batcher}; its one thread puts whatever waits
 * into the plan's free slots between sweeps. What comes over the network is bounded in size, number
 * and time, and what is asked for and not supported is an error.
 */
package dev.stowage.cli.serve;
