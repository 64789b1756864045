package dev.stowage.runtime.session;

import dev.stowage.plan.ExecutablePlan;
import dev.stowage.runtime.device.Device;
import java.util.List;
import java.util.Optional;

/** Counts tokens and seconds while a session runs. */
final class Meter {
  private long began;
  private long firstTokenNanos;
  private long promptTokens;
  private long generatedTokens;
  private long decodeTokens;
  private long prefillNanos;
  private long decodeNanos;
  private long sweeps; // after which bytes held were counted
  private double heldBytes; // their sum
  private long mostHeldBytes;

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

  /** Bytes that KV regions hold after a sweep, of those that are not there whole. */
  void held(long bytes) {
    sweeps++;
    heldBytes += bytes;
    mostHeldBytes = Math.max(mostHeldBytes, bytes);
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
        held(plan),
        devices.stream().map(device -> bytes(plan, device)).toList());
  }

  private Optional<Metrics.HeldKv> held(ExecutablePlan plan) {
    if (sweeps == 0) {
      return Optional.empty();
    }
    long planned = 0;
    long box = 0;
    for (var region : plan.pages().entrySet()) {
      planned += region.getValue().capacityBytes();
      box += region.getKey().bytes(plan.shape().headDim(), plan.kvType());
    }
    long mean = Math.round(heldBytes / sweeps);
    return Optional.of(new Metrics.HeldKv(sweeps, mean, mostHeldBytes, planned, box));
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
