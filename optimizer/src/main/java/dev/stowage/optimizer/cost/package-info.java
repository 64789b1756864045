/**
 * Turns amounts (rows of weights on a device, a box of the KV cache, waiting activations) into
 * seconds of resources. One class for each kind of amount, with its formula; the linear program's
 * factors and the cost of a finished placement both come from here, so they cannot disagree.
 *
 * <p>Symbols: {@code B} sequences, {@code s} prompt tokens, {@code n} generated tokens, {@code c}
 * prefill chunk, {@code m} micro-batches, {@code L} layers. Prefill takes {@code ⌈s/c⌉} sweeps,
 * decode {@code n − 1}. Resources are {@code compute(d)}, {@code bandwidth(d)} of a memory, {@code
 * link(a->b)}, {@code read(d)} and {@code write(d)} of a disk or of a CSD's link, and {@code
 * internal(d)} of a CSD's flash.
 */
package dev.stowage.optimizer.cost;
