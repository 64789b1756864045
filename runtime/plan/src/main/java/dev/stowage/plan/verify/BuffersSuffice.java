package dev.stowage.plan.verify;

import dev.stowage.plan.Buffer;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.Footprint;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;

/**
 * There is a buffer for whatever the byte model counts: for the weights of every device, for the
 * vectors, for every KV region and what its store works in, and for the activations.
 */
final class BuffersSuffice implements Invariant {
  private static final String VECTORS = "vectors";

  @Override
  public void check(PlanIndex index, Findings findings) {
    var plan = index.plan;
    weights(index, findings);
    need(index, findings, VECTORS, Buffer.Purpose.WEIGHTS, plan.shape().vectorBytes());
    for (var region : plan.kv()) {
      long bytes = region.bytes(plan.shape().headDim(), plan.kvType());
      need(index, findings, region.name(), Buffer.Purpose.KV, bytes);
      if (index.hasBuffer(region.name())
          && !index.buffer(region.name()).device().equals(region.device())) {
        findings.add(
            "buffer " + region.name(),
            "it lies on %s, its region on %s",
            index.buffer(region.name()).device(),
            region.device());
      }
      long staging =
          Footprint.stagingBytes(
              plan.shape(), plan.kvType(), index.device(region.device()).kind(), region);
      if (staging > 0) {
        need(index, findings, "staging." + region.name(), Buffer.Purpose.WORKING, staging);
      }
    }
    activations(index, findings);
  }

  private static void weights(PlanIndex index, Findings findings) {
    var plan = index.plan;
    var needed = new LinkedHashMap<String, Long>();
    for (var region : plan.weights()) {
      needed.merge(region.home(), Footprint.residentBytes(plan.shape(), region), Math::addExact);
    }
    var there = new HashMap<String, List<Buffer>>();
    for (var buffer : plan.buffers()) {
      if (buffer.purpose() == Buffer.Purpose.WEIGHTS && !buffer.name().equals(VECTORS)) {
        there.computeIfAbsent(buffer.device(), d -> new ArrayList<>()).add(buffer);
      }
    }
    needed.forEach(
        (device, bytes) -> {
          var buffers = there.getOrDefault(device, List.of());
          if (buffers.size() != 1) {
            findings.add(
                "device " + device,
                "weights lie there in %d buffers, expected one",
                buffers.size());
          } else if (buffers.getFirst().totalBytes() < bytes) {
            findings.add(
                "buffer " + buffers.getFirst().name(),
                "it has %d bytes, its weights need %d",
                buffers.getFirst().totalBytes(),
                bytes);
          }
        });
  }

  private static void activations(PlanIndex index, Findings findings) {
    var plan = index.plan;
    int regionsPerLayer = 0;
    var regions = new int[plan.shape().layers()];
    for (var region : plan.kv()) {
      for (int layer = region.layers().from(); layer < region.layers().to(); layer++) {
        regionsPerLayer = Math.max(regionsPerLayer, ++regions[layer]);
      }
    }
    if (!index.hasBuffer(VECTORS)) {
      return;
    }
    var device = index.buffer(VECTORS).device();
    if (index.device(device).kind() == DeviceKind.DISK
        || index.device(device).kind() == DeviceKind.CSD) {
      findings.add("buffer " + VECTORS, "it lies on %s, which cannot compute", device);
    }
    for (var buffer :
        Footprint.activations(plan.shape(), plan.batch(), device, regionsPerLayer, 1)) {
      need(index, findings, buffer.name(), Buffer.Purpose.ACTIVATIONS, buffer.bytes());
      if (index.hasBuffer(buffer.name()) && !index.buffer(buffer.name()).device().equals(device)) {
        findings.add(
            "buffer " + buffer.name(),
            "it lies on %s, but the plan computes on %s",
            index.buffer(buffer.name()).device(),
            device);
      }
    }
  }

  private static void need(
      PlanIndex index, Findings findings, String name, Buffer.Purpose purpose, long bytes) {
    if (!index.hasBuffer(name)) {
      findings.add("buffers", "there is no buffer %s of %d bytes", name, bytes);
      return;
    }
    var buffer = index.buffer(name);
    if (buffer.purpose() != purpose) {
      findings.add(
          "buffer " + name, "it is for %s, not %s", buffer.purpose().word(), purpose.word());
    }
    if (buffer.bytes() < bytes) {
      findings.add("buffer " + name, "it has %d bytes, %d are needed", buffer.bytes(), bytes);
    }
  }
}
