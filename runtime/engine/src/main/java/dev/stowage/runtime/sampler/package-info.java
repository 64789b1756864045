/**
 * Turns a row of logits into a token: greedily, or drawn after temperature, top-k and top-p. What
 * is drawn depends on seed, request and step alone, never on which requests share a batch.
 */
package dev.stowage.runtime.sampler;
