/**
 * The host: memory within a budget, and KV regions that lie in it and are attended by the host's
 * kernels.
 */
package dev.stowage.runtime.host;
