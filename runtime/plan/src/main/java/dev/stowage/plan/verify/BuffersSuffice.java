package dev.stowage.plan.verify;

import dev.stowage.plan.Buffer;
import dev.stowage.plan.Footprint;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;

/**
 * There is a buffer for whatever the byte model counts: for the weights of every device, for every
 * KV region and what its store works in, and for the vectors and activations of every stage.
 */
final class BuffersSuffice implements Invariant {
  private static final String VECTORS = "vectors";

  @Override
  public void check(PlanIndex index, Findings findings) {
    var plan = index.plan;
    weights(index, findings);
    for (var region : plan.kv()) {
      long bytes =
          Footprint.kvBytes(plan.machine(), plan.shape(), plan.kvType(), plan.batch(), region);
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
    var stages = index.stages();
    var vectors = stages.devices().stream().map(device -> stages.own(VECTORS, device)).toList();
    for (var buffer : plan.buffers()) {
      if (buffer.purpose() == Buffer.Purpose.WEIGHTS && !vectors.contains(buffer.name())) {
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

  /** What every stage has of its own, on its device. */
  private static void activations(PlanIndex index, Findings findings) {
    var plan = index.plan;
    var shape = plan.shape();
    var stages = index.stages();
    for (var stage : stages.list()) {
      String device = stage.device();
      var vectors = stages.own(VECTORS, device);
      need(
          index,
          findings,
          vectors,
          Buffer.Purpose.WEIGHTS,
          shape.vectorBytes(stage.layers().size()));
      isThere(index, findings, vectors, device);
      int regionsPerLayer = Footprint.regionsPerLayer(stage.layers(), plan.kv());
      for (var buffer :
          Footprint.activations(shape, plan.batch(), stages, device, regionsPerLayer, 1)) {
        need(index, findings, buffer.name(), Buffer.Purpose.ACTIVATIONS, buffer.bytes());
        isThere(index, findings, buffer.name(), device);
      }
    }
  }

  private static void isThere(PlanIndex index, Findings findings, String name, String device) {
    if (index.hasBuffer(name) && !index.buffer(name).device().equals(device)) {
      findings.add(
          "buffer " + name,
          "it lies on %s, but its stage computes on %s",
          index.buffer(name).device(),
          device);
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
