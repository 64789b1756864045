package dev.stowage.plan;

/**
 * Which two numbers of a head a rotary embedding turns together. The i-th pair of a head of width d
 * turns by the i-th frequency either way, so weights of one kind become the other's when the rows
 * of q and k are permuted.
 */
public enum RopePairs {
  /** Numbers i and d/2 + i, as in Hugging Face's models and GGUF's Qwen. */
  HALVES,
  /** Numbers 2i and 2i + 1, as in the original Llama and in GGUF files of Llama and Mistral. */
  INTERLEAVED
}
