/**
 * Attention that reads a part of what a KV region stores: turns a decode row's queries, and a
 * head's keys and values that are read piece by piece, into a partial result. Host memory and
 * drives share it, so that both choose the same tokens and compute the same bits; a GPU's kernels
 * choose as it does.
 */
package dev.stowage.runtime.sparse;
