package dev.stowage.plan.verify;

import java.util.HashMap;

/** No device is asked for more bytes than it may give: {@code Σ buffers <= capacity - reserve}. */
final class WithinCapacity implements Invariant {
  @Override
  public void check(PlanIndex index, Findings findings) {
    var bytes = new HashMap<String, Long>();
    for (var buffer : index.plan.buffers()) {
      bytes.merge(buffer.device(), buffer.totalBytes(), Math::addExact);
    }
    for (var device : index.plan.machine().devices()) {
      long setAside = bytes.getOrDefault(device.name(), 0L);
      if (setAside > device.usableBytes()) {
        findings.add(
            "device " + device.name(),
            "the plan sets aside %d bytes there, of %d usable",
            setAside,
            device.usableBytes());
      }
    }
  }
}
