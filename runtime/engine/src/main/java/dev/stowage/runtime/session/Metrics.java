package dev.stowage.runtime.session;

import java.util.List;
import java.util.Optional;

/**
 * What a session measured. A sweep that brings any prompt token counts as prefill, any other as
 * decode.
 *
 * @param promptTokens prompt tokens processed
 * @param generatedTokens tokens sampled
 * @param decodeTokens tokens sampled in decode sweeps
 * @param prefillSeconds wall time of prefill sweeps
 * @param decodeSeconds wall time of decode sweeps
 * @param firstTokenSeconds from the call to the first token sampled; 0 if there was none
 * @param loadSeconds from opening the session to its first sweep being possible
 * @param streamedWeightBytes weight bytes that were loaded into the ring
 * @param held what the KV cache held, where some of it is not there whole
 * @param devices bytes by device
 */
public record Metrics(
    long promptTokens,
    long generatedTokens,
    long decodeTokens,
    double prefillSeconds,
    double decodeSeconds,
    double firstTokenSeconds,
    double loadSeconds,
    long streamedWeightBytes,
    Optional<HeldKv> held,
    List<DeviceBytes> devices) {
  /**
   * What a device holds for the plan.
   *
   * @param plannedBytes what the plan sets aside
   * @param usedBytes what the device counts as taken
   * @param usableBytes what the plan may use at most
   * @param activity what the device has to tell of itself, or nothing
   */
  public record DeviceBytes(
      String device,
      String kind,
      boolean emulated,
      long plannedBytes,
      long usedBytes,
      long usableBytes,
      String activity) {}

  /**
   * Bytes of those KV regions that are not there whole, since their sequences are of all ages.
   *
   * @param sweeps after which they were counted
   * @param meanBytes held on average
   * @param mostBytes held at most
   * @param plannedBytes what the plan sets aside for them
   * @param wholeBytes what all sequences would hold at their longest together
   */
  public record HeldKv(
      long sweeps, long meanBytes, long mostBytes, long plannedBytes, long wholeBytes) {}

  public Metrics {
    devices = List.copyOf(devices);
  }

  public double prefillTokensPerSecond() {
    return prefillSeconds > 0 ? promptTokens / prefillSeconds : 0;
  }

  public double decodeTokensPerSecond() {
    return decodeSeconds > 0 ? decodeTokens / decodeSeconds : 0;
  }

  /** Generated tokens over the whole time (FlexGen's measure). */
  public double throughputTokensPerSecond() {
    double seconds = prefillSeconds + decodeSeconds;
    return seconds > 0 ? generatedTokens / seconds : 0;
  }
}
