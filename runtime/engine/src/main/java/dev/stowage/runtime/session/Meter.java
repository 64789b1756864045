package dev.stowage.runtime.session;

import dev.stowage.plan.ExecutablePlan;
import dev.stowage.runtime.device.Device;
import java.util.List;

/** Counts tokens and seconds while a session runs. */
final class Meter {
  private long began;
  private long firstTokenNanos;
  private long promptTokens;
  private long generatedTokens;
  private long decodeTokens;
  private long prefillNanos;
  private long decodeNanos;

  /** A call begins: the first token is measured from here. */
  void begin() {
    began = System.nanoTime();
    firstTokenNanos = 0;
  }

  void token() {
    generatedTokens++;
    if (firstTokenNanos == 0) {
      firstTokenNanos = System.nanoTime() - began;
    }
  }

  void prefill(long tokens, long nanos) {
    promptTokens += tokens;
    prefillNanos += nanos;
  }

  void decode(long tokens, long nanos) {
    decodeTokens += tokens;
    decodeNanos += nanos;
  }

  Metrics metrics(
      double loadSeconds, long streamedBytes, ExecutablePlan plan, List<Device> devices) {
    return new Metrics(
        promptTokens,
        generatedTokens,
        decodeTokens,
        prefillNanos * 1e-9,
        decodeNanos * 1e-9,
        firstTokenNanos * 1e-9,
        loadSeconds,
        streamedBytes,
        devices.stream().map(device -> bytes(plan, device)).toList());
  }

  private static Metrics.DeviceBytes bytes(ExecutablePlan plan, Device device) {
    var spec = device.spec();
    return new Metrics.DeviceBytes(
        spec.name(),
        spec.kind().word(),
        spec.emulated(),
        plan.bytesOn(spec.name()),
        device.usedBytes(),
        spec.usableBytes(),
        device.activity());
  }
}
