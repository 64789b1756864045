package dev.stowage.optimizer;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Family;
import dev.stowage.plan.LinkSpec;
import dev.stowage.plan.Machine;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Origin;
import dev.stowage.plan.Rate;
import dev.stowage.plan.RateValue;
import dev.stowage.plan.RopeScaling;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** Machines, models and statements that tests speak of. */
final class Examples {
  static final long MIB = 1L << 20;
  static final long GIB = 1L << 30;

  private Examples() {}

  /** An OPT model by its published sizes (arXiv 2205.01068, table 1). */
  static ModelShape opt(int layers, int hidden, int heads) {
    return new ModelShape(
        Family.OPT,
        layers,
        hidden,
        hidden,
        4 * hidden,
        heads,
        heads,
        hidden / heads,
        50272,
        2048,
        1e-5,
        10000,
        new RopeScaling.None(),
        true,
        true,
        true,
        true,
        Optional.empty(),
        ElementType.F16);
  }

  /** A Llama small enough for exhaustive checks: 4 layers, 8 heads that share 4 KV heads. */
  static ModelShape tinyLlama() {
    return new ModelShape(
        Family.LLAMA,
        4,
        64,
        64,
        160,
        8,
        4,
        8,
        512,
        256,
        1e-5,
        10000,
        new RopeScaling.None(),
        false,
        false,
        false,
        false,
        Optional.empty(),
        ElementType.F32);
  }

  static DeviceSpec device(
      String name, DeviceKind kind, long capacity, long reserve, Map<Rate, Double> rates) {
    var values = new EnumMap<Rate, RateValue>(Rate.class);
    rates.forEach((rate, value) -> values.put(rate, new RateValue(value, Origin.SPEC)));
    return new DeviceSpec(name, kind, capacity, reserve, Optional.empty(), false, values);
  }

  static DeviceSpec host(long capacity) {
    return device("ram", DeviceKind.HOST, capacity, 0, Map.of());
  }

  static DeviceSpec disk(long capacity) {
    return device("ssd", DeviceKind.DISK, capacity, 0, Map.of());
  }

  static DeviceSpec csd(String name, long capacity) {
    return device(name, DeviceKind.CSD, capacity, 0, Map.of());
  }

  static Machine machine(DeviceSpec... devices) {
    return new Machine(List.of(devices), List.of());
  }

  /**
   * FlexGen's machine with its released constants for this T4 (arXiv 2303.06865; cost model of the
   * released code), but a disk of 2 GB/s.
   */
  static Machine t4Box() {
    var t4 =
        device(
            "t4",
            DeviceKind.GPU,
            15 * GIB,
            GIB,
            Map.of(
                Rate.MEMORY_BANDWIDTH, 240e9,
                Rate.PREFILL_COMPUTE, 21.24e12,
                Rate.DECODE_COMPUTE, 4.3e12,
                Rate.ATTENTION, 79e9));
    var ram =
        device(
            "ram",
            DeviceKind.HOST,
            200 * GIB,
            20 * GIB,
            Map.of(
                Rate.MEMORY_BANDWIDTH, 60e9,
                Rate.PREFILL_COMPUTE, 0.5e12,
                Rate.DECODE_COMPUTE, 0.2e12,
                Rate.ATTENTION, 12.3e9));
    var nvme =
        device(
            "nvme",
            DeviceKind.DISK,
            1500L * 1000 * 1000 * 1000,
            0,
            Map.of(Rate.READ, 2e9, Rate.WRITE, 1e9, Rate.LATENCY, 100e-6));
    return new Machine(
        List.of(t4, ram, nvme),
        List.of(
            new LinkSpec("t4", "ram", 12e9, 10e-6, Origin.SPEC),
            new LinkSpec("ram", "t4", 12e9, 10e-6, Origin.SPEC)));
  }

  static Workload workload(int prompt, int generate, Choices sequences) {
    return new Workload(
        prompt,
        generate,
        OptionalInt.empty(),
        sequences,
        Choices.range(1, Math.min(16, sequences.last())),
        Choices.range(1, prompt));
  }

  /** One batch shape, and nothing to choose but the placement. */
  static Workload fixed(int prompt, int generate, int sequences) {
    return new Workload(
        prompt,
        generate,
        OptionalInt.empty(),
        Choices.fixed(sequences),
        Choices.fixed(1),
        Choices.fixed(prompt));
  }

  /** A statement in the user's words. */
  static Source said(String text) {
    return new Source("test.stow", 0, text.length(), text);
  }
}
