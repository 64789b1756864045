package dev.stowage.optimizer;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.LinkSpec;
import dev.stowage.plan.Machine;
import dev.stowage.plan.Origin;
import dev.stowage.plan.Rate;
import dev.stowage.plan.RateValue;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.Map;

/**
 * Rates for devices whose plan gives none, all of origin {@link Origin#ASSUMED}. They let a plan be
 * compared with another on the same machine; they promise nothing.
 *
 * <pre>
 * host  a 2-core AVX2 machine: 10 GB/s memory, 40 and 20 GFLOP/s prefill and decode, 6 GB/s attention
 * gpu   a 16 GB inference card: 240 GB/s memory, 21 and 4.3 TFLOP/s prefill and decode, 80 GB/s attention
 * disk  a virtual disk with direct access: 0.9 GB/s both ways, 100 µs
 * csd   InstInfer's virtual drive (arXiv 2409.04992): 8 channels of 1.4 GB/s inside, of which attention
 *       uses 68 %; a PCIe 4.0 x4 link of 7 GB/s out; 5 GB/s in; 20 µs a command, and 40 µs until
 *       it has read pages of its flash, 400 µs until it has programmed them; 2 GiB of DRAM
 * link  gpu ↔ host: 12 GB/s, 10 µs
 * </pre>
 */
public final class DefaultRates {
  private static final Map<DeviceKind, Map<Rate, Double>> TABLE =
      Map.of(
          DeviceKind.HOST,
          Map.of(
              Rate.MEMORY_BANDWIDTH, 10e9,
              Rate.PREFILL_COMPUTE, 40e9,
              Rate.DECODE_COMPUTE, 20e9,
              Rate.ATTENTION, 6e9),
          DeviceKind.GPU,
          Map.of(
              Rate.MEMORY_BANDWIDTH, 240e9,
              Rate.PREFILL_COMPUTE, 21e12,
              Rate.DECODE_COMPUTE, 4.3e12,
              Rate.ATTENTION, 80e9),
          DeviceKind.DISK,
          Map.of(Rate.READ, 0.9e9, Rate.WRITE, 0.9e9, Rate.LATENCY, 100e-6),
          DeviceKind.CSD,
          Map.of(
              Rate.INTERNAL_READ, 11.2e9,
              Rate.ATTENTION, 7.66e9,
              Rate.READ, 7e9,
              Rate.WRITE, 5e9,
              Rate.LATENCY, 20e-6,
              Rate.READ_TIME, 40e-6,
              Rate.PROGRAM_TIME, 400e-6,
              Rate.DRAM, 2.0 * (1L << 30)));

  private static final double LINK_BYTES_PER_SECOND = 12e9;
  private static final double LINK_LATENCY_SECONDS = 10e-6;

  private DefaultRates() {}

  /** The machine with every missing rate, and every missing link between a gpu and a host. */
  public static Machine complete(Machine machine) {
    var links = new ArrayList<>(machine.links());
    for (var gpu : machine.devices()) {
      for (var host : machine.devices()) {
        if (gpu.kind() == DeviceKind.GPU && host.kind() == DeviceKind.HOST) {
          addMissing(machine, links, gpu.name(), host.name());
          addMissing(machine, links, host.name(), gpu.name());
        }
      }
    }
    return new Machine(machine.devices().stream().map(DefaultRates::complete).toList(), links);
  }

  /** The device with every missing rate of its kind. */
  public static DeviceSpec complete(DeviceSpec device) {
    var rates = new EnumMap<Rate, RateValue>(Rate.class);
    TABLE
        .get(device.kind())
        .forEach((rate, value) -> rates.put(rate, new RateValue(value, Origin.ASSUMED)));
    rates.putAll(device.rates());
    return new DeviceSpec(
        device.name(),
        device.kind(),
        device.capacityBytes(),
        device.reserveBytes(),
        device.path(),
        device.emulated(),
        rates,
        device.curves());
  }

  private static void addMissing(
      Machine machine, ArrayList<LinkSpec> links, String from, String to) {
    if (machine.link(from, to).isEmpty()) {
      links.add(
          new LinkSpec(from, to, LINK_BYTES_PER_SECOND, LINK_LATENCY_SECONDS, Origin.ASSUMED));
    }
  }
}
