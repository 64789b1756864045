package dev.stowage.compiler.resolve;

import dev.stowage.dsl.SourceSpan;

/**
 * An assertion on a number that the cost model predicts.
 *
 * @param text in the user's words
 * @param low least allowed value, in base units (tokens a second, seconds, bytes, 0..1)
 * @param high largest allowed value
 */
public record Expectation(
    Quantity quantity, double low, double high, String text, SourceSpan span) {
  /** What is expected of. */
  public sealed interface Quantity {
    /** Generated tokens a second. */
    record Throughput() implements Quantity {}

    /** Seconds of one block. */
    record BlockLatency() implements Quantity {}

    /** Bytes set aside on a device. */
    record Peak(String device) implements Quantity {}

    /** Share of {@code weights}, {@code kv} or {@code activations} on a device. */
    record Share(String what, String device) implements Quantity {}
  }
}
