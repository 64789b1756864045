package dev.stowage.plan;

import java.util.Objects;

/**
 * What a {@link Step.Compute} computes. Rows are the tokens of one pass; the formulas are the
 * kernels'.
 */
public sealed interface Op {
  /** Each token's row of the embedding. Writes {@code [rows, embedding]}. */
  record Embed() implements Op {}

  /** Adds each token's learned position row (OPT: position + 2). In place. */
  record AddPositions() implements Op {}

  /**
   * Picks the rows that get logits: the last of every sequence that ends its prompt or generates.
   * Writes {@code [picked, hidden]}.
   */
  record Pick() implements Op {}

  /** Layer norm or RMS norm with the weights of that place. */
  record Normalize(Norm norm) implements Op {}

  /** {@code out[:, rows] = x · W[rows, :]ᵀ}, plus bias where the model has one. */
  record MatMul(Weight weight, Range rows) implements Op {
    public MatMul {
      Objects.requireNonNull(weight);
      if (rows.isEmpty()) {
        throw new IllegalArgumentException("a product with no rows of " + weight.word());
      }
    }
  }

  /** RMS norm of every head of q, or of k (Qwen3). In place. */
  record NormalizeHeads(Weight of) implements Op {
    public NormalizeHeads {
      if (of != Weight.Q && of != Weight.K) {
        throw new IllegalArgumentException("heads of q or k are normalised, not of " + of.word());
      }
    }
  }

  /** Rotates the heads of q, or of k, by their positions. In place. */
  record Rotate(Weight of) implements Op {
    public Rotate {
      if (of != Weight.Q && of != Weight.K) {
        throw new IllegalArgumentException("heads of q or k are rotated, not of " + of.word());
      }
    }
  }

  /**
   * Causal attention among the tokens of this pass itself: keys and values that are not stored yet.
   * Writes a partial result.
   */
  record AttendPass() implements Op {}

  /** Merges a region's partial result into another. */
  record Merge() implements Op {}

  /** Divides a merged partial result by its sum: attention's output. */
  record Finish() implements Op {}

  /** {@code relu(up)}, or {@code silu(gate) · up}. */
  record Activate() implements Op {}

  /** Adds the second operand to the residual stream. */
  record Add() implements Op {}

  /** Where a norm stands. */
  enum Norm {
    ATTENTION,
    MLP,
    FINAL;

    public String word() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }
}
