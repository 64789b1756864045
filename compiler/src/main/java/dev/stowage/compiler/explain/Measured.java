package dev.stowage.compiler.explain;

import java.util.List;

/**
 * What a run of the plan measured. Rates are compared with the prediction, times are not: a run may
 * be of fewer or shorter requests than the full block that is predicted.
 *
 * @param decodeTokens tokens after the first of each request
 * @param kernels what computed
 * @param emulated whether an emulated drive took part
 * @param lanes those that worked; empty where the run tells of none
 */
public record Measured(
    long promptTokens,
    long generatedTokens,
    long decodeTokens,
    double firstTokenSeconds,
    double prefillSeconds,
    double decodeSeconds,
    double prefillTokensPerSecond,
    double decodeTokensPerSecond,
    double throughputTokensPerSecond,
    String kernels,
    boolean emulated,
    List<Lane> lanes) {
  /**
   * How long a lane worked.
   *
   * @param name as a resource of the prediction: {@code compute(ram)}, {@code read(ssd)}, …
   */
  public record Lane(String name, double prefillBusySeconds, double decodeBusySeconds) {}

  public Measured {
    lanes = List.copyOf(lanes);
  }
}
