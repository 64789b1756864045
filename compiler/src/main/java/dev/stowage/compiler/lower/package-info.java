/**
 * Turns a placement into an executable plan: regions of weights and KV cache become buffers and the
 * steps of one pass. Pure, and free of any choice: what could be decided has been decided by the
 * placement, and what does not change tokens is the schedule's.
 */
package dev.stowage.compiler.lower;
