package dev.stowage.runtime.device;

import java.lang.foreign.MemorySegment;

/**
 * Attention over part of the keys, mergeable with that over the rest (softmax state kept apart, as
 * in FlashAttention and Flash-Decoding). For row {@code r} and query head {@code h} over keys
 * {@code t}: {@code m = max s_t}, {@code l = Σ exp(s_t − m)}, {@code o = Σ exp(s_t − m) v_t}.
 * Without keys: {@code m = −∞}, {@code l = 0}, and {@code o} is not to be read.
 *
 * @param o {@code [rows, heads, headDim]}, F32
 * @param state {@code [rows, heads, 2]}, F32: m and l
 */
public record Partial(MemorySegment o, MemorySegment state) {}
