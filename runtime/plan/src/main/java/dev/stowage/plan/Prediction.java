package dev.stowage.plan;

/**
 * What the cost model expects of a plan, for one full block.
 *
 * @param prefillSeconds all prompts of the block
 * @param decodeSeconds all generated tokens after the first of the block
 * @param prefillTokensPerSecond prompt tokens over {@code prefillSeconds}
 * @param decodeTokensPerSecond tokens after the first over {@code decodeSeconds}
 * @param throughputTokensPerSecond generated tokens over the whole time (FlexGen's measure)
 * @param prefillBound the resource that bounds prefill, in the user's words, such as {@code
 *     read(ssd)}
 * @param decodeBound the resource that bounds decode
 */
public record Prediction(
    double prefillSeconds,
    double decodeSeconds,
    double prefillTokensPerSecond,
    double decodeTokensPerSecond,
    double throughputTokensPerSecond,
    String prefillBound,
    String decodeBound) {}
