package dev.stowage.compiler.published;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.simulate.FlexGenLoop;
import dev.stowage.compiler.simulate.Simulator;

/**
 * InstInfer's and HILOS's machines from their published parameters, on a virtual clock. Everything
 * here is simulation.
 */
final class StorageMachines {
  /**
   * @param decodeTokens generated tokens a second of decode
   * @param kvSeconds of decode in which the busiest resource of the KV cache works
   */
  record Decode(double decodeTokens, double kvSeconds) {}

  /**
   * What FlexGen measured of its disk path (arXiv 2303.06865, table 24), GB/s. InstInfer gives no
   * rate for the FlexGen it compares with; this one is not fitted to its results.
   */
  private static final double STREAMED_SSD = 1.6;

  /**
   * InstInfer (HPCA 2025): OPT-13B on an A6000, 1024 prompt and 1024 generated tokens, of which the
   * 128 around the middle are simulated. The flash delivers 7.66 of its 11.2 GB/s, as table III has
   * it. Drives have 4 GiB of their own memory: tokens of its 256 sequences need 3.4 GB to gather in
   * until they fill pages, of which the paper does not speak; the board that it built has 2 GB.
   */
  private static final String INSTINFER =
      """
      plan instinfer
      import "lib:nvidia/a6000"
      import "lib:generic/host"
      import "lib:csd/instinfer"
      platform node {
        gpu  a6000 = nvidia.RtxA6000 { memory 48 GiB }
        host ram   = generic.DDR4    { memory 96 GiB }
        disk ssd   = generic.NVMe    { memory 2 TB  read %s GB/s }
        csd  inst[%d] = csd.InstInfer { memory 2 TB  dram 4 GiB  channel-bandwidth 0.9575 GB/s measured }
        link a6000 <-> ram           { rate 32 GB/s }
        link a6000 <-> inst peer     { rate 7 GB/s }
      }
      model m = shape opt-13b { dtype fp16 }
      workload w { prompt 1472 tok  generate 128 tok  batch %d  micro-batches auto in 1..8 }
      maximize throughput
      """;

  /**
   * HILOS (ASPLOS 2026, section 6): OPT-66B on an A100-40G, sixteen SmartSSDs of 3 GB/s each
   * inside; the ways of all drives to the gpu share a third of that. As many stored tokens as its
   * 16 sequences of 32,768: OPT has 2048 positions, so 16 micro-batches of 16; 64 generated tokens.
   */
  private static final String HILOS =
      """
      plan hilos
      import "lib:nvidia/a100"
      import "lib:generic/host"
      import "lib:csd/smartssd"
      platform node {
        gpu  a100 = nvidia.A100_40GB { memory 40 GB }
        host ram  = generic.DDR4     { memory 512 GB  memory-bandwidth 150 GB/s }
        disk ssd  = generic.NVMe     { memory 16 TB  read 16 GB/s  write 16 GB/s }
        csd  smart[16] = csd.SmartSSD { }
        link a100 <-> ram            { rate 16 GB/s }
      }
      model m = shape opt-66b { dtype fp16 }
      workload w { prompt 1984 tok  generate 64 tok  batch 256  micro-batches 16 }
      maximize throughput
      """;

  private StorageMachines() {}

  /** FlexGen with its KV cache on an SSD, streamed to the gpu, in its own loop. */
  static Decode instinferStreamed(int sequences) {
    return streamed(
        INSTINFER.formatted(STREAMED_SSD, 1, sequences)
            + "place { weights on a6000 100%  kv on ssd 100% }\n"
            + "schedule { attention decode on a6000 }\n");
  }

  /** The KV cache in drives, which attend, dense or with SparF at 1/8. */
  static Decode instinfer(int drives, int sequences, boolean sparse) {
    return inDrives(
        INSTINFER.formatted(STREAMED_SSD, drives, sequences)
            + "place { weights on a6000 100%  kv on inst 100% split heads }\n"
            + "schedule { attention decode on inst  kv write-back every 16 tok }\n"
            + (sparse
                ? "approximate within perplexity +1% { attention decode on inst sparse top-k 1/8 }\n"
                : ""),
        "(inst[0])");
  }

  static Decode hilosStreamed() {
    return streamed(
        HILOS
            + "place { weights on ram 100%  kv on ssd 100% }\n"
            + "schedule { prefetch 1 layer  attention decode on a100 }\n");
  }

  static Decode hilos() {
    return inDrives(
        HILOS
            + "place { weights on ram 100%  kv on smart 100% split heads }\n"
            + "schedule { prefetch 1 layer  attention decode on smart  kv write-back every 16 tok }\n",
        "(smart[0])");
  }

  private static Decode streamed(String text) {
    var compiled = FlexGenMachine.compiled(text);
    double kv =
        Simulator.simulate(compiled.plan(), compiled.schedule()).lanes().stream()
            .filter(lane -> lane.name().equals("read(ssd)"))
            .mapToDouble(lane -> lane.decodeBusySeconds())
            .sum();
    return decode(compiled, FlexGenLoop.simulate(compiled.plan()).decodeSeconds(), kv);
  }

  private static Decode inDrives(String text, String drive) {
    var compiled = FlexGenMachine.compiled(text);
    var timeline = Simulator.simulate(compiled.plan(), compiled.schedule());
    double kv =
        timeline.lanes().stream()
            .filter(lane -> lane.name().endsWith(drive))
            .mapToDouble(lane -> lane.decodeBusySeconds())
            .max()
            .orElseThrow();
    return decode(compiled, timeline.decodeSeconds(), kv);
  }

  private static Decode decode(Compilation.Compiled compiled, double seconds, double kv) {
    var batch = compiled.plan().batch();
    return new Decode((double) batch.sequences() * (batch.generateTokens() - 1) / seconds, kv);
  }
}
