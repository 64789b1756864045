package dev.stowage.plan;

/**
 * A share of a kind of bytes on a device, as asked for, as the optimizer planned it, and as the
 * whole rows, heads and tokens of the plan realise it.
 *
 * @param what {@code weights}, {@code kv} or {@code activations}
 * @param asked the statement in the user's words; {@code auto} where nothing was said
 * @param planned 0..1, before rounding
 * @param realised 0..1, after rounding
 * @param bytes the realised bytes
 */
public record Asked(
    String what, String device, String asked, double planned, double realised, long bytes) {}
