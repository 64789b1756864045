package dev.stowage.compiler.resolve;

import dev.stowage.dsl.SourceSpan;
import java.util.Objects;

/**
 * An assertion on a number.
 *
 * @param measured whether it is about what a run measures, not about what the cost model predicts
 * @param bound what is allowed
 * @param text in the user's words
 */
public record Expectation(
    Quantity quantity, boolean measured, Bound bound, String text, SourceSpan span) {
  public Expectation {
    Objects.requireNonNull(quantity);
    Objects.requireNonNull(bound);
    Objects.requireNonNull(text);
    Objects.requireNonNull(span);
  }

  /** What is allowed. */
  public sealed interface Bound {
    /** From {@code low} to {@code high} in base units (tokens a second, seconds, bytes, 0..1). */
    record Between(double low, double high) implements Bound {}

    /** No further from the prediction than that part of it. */
    record NearPrediction(double tolerance) implements Bound {}
  }

  /** Part of a block. */
  public enum Part {
    WHOLE,
    PREFILL,
    DECODE
  }

  /** What a time is the time of. */
  public enum Span {
    /** A block of sequences, from its first prompt token to its last token. */
    BLOCK,
    /** From one token of a sequence to its next. */
    TOKEN,
    /** From the start of a block to its first token. */
    FIRST,
    /** One request: that of its block, since sequences begin and end together. */
    REQUEST
  }

  /** What is expected of. */
  public sealed interface Quantity {
    /** Tokens a second: generated ones over the whole time, prompt tokens, or those of decoding. */
    record Throughput(Part part) implements Quantity {}

    /** Seconds. */
    record Latency(Span span) implements Quantity {}

    /** Bytes set aside on a device; on the fullest member of an array. */
    record Peak(String device) implements Quantity {}

    /** Bytes that a device, or each member of an array, can hold. */
    record Memory(String device) implements Quantity {}

    /** Share of {@code weights}, {@code kv} or {@code activations} on a device. */
    record Share(String what, String device) implements Quantity {}
  }
}
