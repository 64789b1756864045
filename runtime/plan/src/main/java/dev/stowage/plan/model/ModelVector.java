package dev.stowage.plan.model;

import dev.stowage.plan.ModelShape;
import dev.stowage.plan.RopeScaling;

/** The one-dimensional weights: norms and biases. They are not placed, and widened to F32. */
public enum ModelVector {
  ATTENTION_NORM(true),
  ATTENTION_NORM_BIAS(true),
  Q_BIAS(true),
  K_BIAS(true),
  V_BIAS(true),
  O_BIAS(true),
  /** RMS norm over each head of q (Qwen3). */
  Q_NORM(true),
  /** RMS norm over each head of k (Qwen3). */
  K_NORM(true),
  MLP_NORM(true),
  MLP_NORM_BIAS(true),
  GATE_BIAS(true),
  UP_BIAS(true),
  DOWN_BIAS(true),
  FINAL_NORM(false),
  FINAL_NORM_BIAS(false),
  /** What rotary frequencies are divided by (GGUF's Llama 3.1). */
  ROPE_FACTORS(false);

  private final boolean perLayer;

  ModelVector(boolean perLayer) {
    this.perLayer = perLayer;
  }

  /** Whether every layer has one. */
  public boolean perLayer() {
    return perLayer;
  }

  /** Number of elements; 0 where the model has no such vector. */
  public int length(ModelShape shape) {
    boolean opt = shape.family().isOpt();
    return switch (this) {
      case ATTENTION_NORM, MLP_NORM, FINAL_NORM -> shape.hidden();
      case ATTENTION_NORM_BIAS, MLP_NORM_BIAS, FINAL_NORM_BIAS -> opt ? shape.hidden() : 0;
      case Q_BIAS -> shape.qkvBias() ? shape.queryWidth() : 0;
      case K_BIAS, V_BIAS -> shape.qkvBias() ? shape.kvWidth() : 0;
      case O_BIAS -> shape.outputBias() ? shape.hidden() : 0;
      case Q_NORM, K_NORM -> shape.headNorm() ? shape.headDim() : 0;
      case GATE_BIAS -> shape.mlpBias() && !opt ? shape.ffn() : 0;
      case UP_BIAS -> shape.mlpBias() ? shape.ffn() : 0;
      case DOWN_BIAS -> shape.mlpBias() ? shape.hidden() : 0;
      case ROPE_FACTORS ->
          shape.ropeScaling() instanceof RopeScaling.Factors ? shape.headDim() / 2 : 0;
    };
  }
}
