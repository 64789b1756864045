/**
 * Turns a {@link dev.stowage.optimizer.Problem} (machine, model, workload, what the author decided)
 * into a {@link dev.stowage.optimizer.Placement}: which rows of which weights, which heads, tokens
 * or sequences of the KV cache, and which waiting activations lie where, and how many sequences run
 * together.
 *
 * <p>Batch shapes are enumerated; for each, a linear program over <em>routes</em> (where bytes lie
 * and where they are used) minimises the time of a block, which is the sum over its phases of the
 * busiest resource's seconds (FlexGen, arXiv 2303.06865, section 4.3, with the resources of this
 * machine in the place of its five). The winner is rounded to whole units and costed again with
 * exact bytes.
 */
package dev.stowage.optimizer;
