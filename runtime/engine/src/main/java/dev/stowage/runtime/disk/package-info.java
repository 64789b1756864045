/**
 * A disk: KV regions in scratch files of the plan's folder, read back for the host's kernels.
 * Weights on disk are read where the model's files already lie, so they are not written a second
 * time.
 */
package dev.stowage.runtime.disk;
