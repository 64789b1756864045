package dev.stowage.compiler.published;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import dev.stowage.compiler.simulate.FlexGenLoop;
import dev.stowage.compiler.simulate.Simulator;
import dev.stowage.optimizer.flexgen.FlexGenConstants;
import dev.stowage.optimizer.flexgen.FlexGenCost;
import dev.stowage.optimizer.flexgen.FlexGenPolicy;
import dev.stowage.optimizer.flexgen.FlexGenPolicy.Shares;
import dev.stowage.optimizer.flexgen.FlexGenWork;
import dev.stowage.plan.model.ModelShapes;
import java.nio.file.Path;
import java.util.Locale;

/**
 * FlexGen's machine and its policies at 512 prompt and 32 generated tokens (arXiv 2303.06865; the
 * released {@code bench_suite.py}), on a virtual clock. Everything here is simulation.
 *
 * <p>Both sides have the same rates: the library's, which are FlexGen's own fitted constants, the
 * drive's 2 and 1 GB/s, and the 220 GB/s that a T4's memory was measured at (arXiv 1903.07486).
 */
final class FlexGenMachine {
  /**
   * One of FlexGen's published runs.
   *
   * @param percent weights on gpu and cpu, KV on gpu and cpu; disk has the rest
   * @param published tokens a second
   */
  record Run(
      String model,
      int gpuBatch,
      int batches,
      int[] percent,
      boolean cpuAttention,
      boolean compressWeights,
      boolean compressKv,
      double published) {
    String name() {
      return "OPT-" + model.toUpperCase(Locale.ROOT) + (compressed() ? " (c)" : "");
    }

    boolean compressed() {
      return compressWeights || compressKv;
    }
  }

  static final Run OPT_6B = new Run("6.7b", 2, 1, all(100, 100), false, false, false, 25.26);
  static final Run OPT_30B =
      new Run("30b", 48, 3, new int[] {20, 80, 0, 100}, true, false, false, 7.32);
  static final Run OPT_175B =
      new Run("175b", 32, 8, new int[] {0, 50, 0, 0}, true, false, false, 0.69);
  static final Run OPT_6B_C = new Run("6.7b", 72, 1, all(100, 100), false, true, true, 29.12);
  static final Run OPT_30B_C =
      new Run("30b", 64, 8, new int[] {0, 100, 0, 100}, false, false, true, 8.38);
  static final Run OPT_175B_C =
      new Run("175b", 48, 3, new int[] {0, 100, 0, 100}, false, true, true, 1.12);

  private static final String PLATFORM =
      """
      plan flexgen
      import "lib:nvidia/t4"
      import "lib:generic/host"
      platform box {
        gpu  t4   = nvidia.T4    { memory %s  memory-bandwidth 220 GB/s measured }
        host ram  = generic.DDR4 { memory %s }
        disk nvme = generic.NVMe { memory 1.5 TB  read %s GB/s  write 1 GB/s }
        link t4 <-> ram          { rate 12.89 GiB/s  latency 10 us }
      }
      model m = shape opt-%s { dtype fp16 }
      workload w { prompt 512 tok  generate 32 tok  batch %s  micro-batches %s }
      maximize throughput
      """;

  private FlexGenMachine() {}

  private static int[] all(int weights, int kv) {
    return new int[] {weights, 0, kv, 0};
  }

  /** What FlexGen's released formulas say of its policy, in tokens a second. */
  static double formulas(Run run) {
    var p = run.percent();
    boolean resident = p[0] == 100;
    var policy =
        new FlexGenPolicy(
            run.gpuBatch(),
            run.batches(),
            Shares.percent(p[0], p[1]),
            Shares.percent(p[2], p[3]),
            Shares.percent(resident ? 100 : 0, resident ? 0 : 100),
            run.compressWeights());
    return FlexGenCost.of(
            FlexGenWork.of(ModelShapes.find("opt-" + run.model()).orElseThrow(), 512, 32),
            policy,
            FlexGenConstants.T4,
            FlexGenCost.Overlap.RELEASED)
        .throughputTokensPerSecond();
  }

  /**
   * FlexGen's policy as a plan. Its placement is what its rounding to whole tensors makes of the
   * percentages: 20 % of the weights on the gpu are the output projections alone, a twelfth.
   * FlexGen frees its FP16 activations as it goes; a plan sets all its F32 ones aside, so the card
   * has the memory for that here, which its placement does not use.
   */
  static Compilation.Compiled policy(Run run, double diskGigabytes) {
    var p = run.percent();
    var text =
        new StringBuilder(
            PLATFORM.formatted(
                "80 GiB",
                "400 GB",
                diskGigabytes,
                run.model(),
                run.gpuBatch() * run.batches(),
                run.batches()));
    text.append("place { weights on ");
    if (p[0] == 100) {
      text.append("t4 100%");
    } else if (p[0] == 20) {
      text.append("t4 8.33%, ram rest");
    } else {
      text.append("ram ").append(p[1]).append("%, nvme rest");
    }
    String kv = p[2] == 100 ? "t4" : p[3] == 100 ? "ram" : "nvme";
    text.append("  kv on ").append(kv).append(" 100%  activations on ");
    text.append(p[0] == 100 ? "t4" : "ram").append(" 100% }\n");
    if (!kv.equals("t4")) {
      text.append("schedule { attention decode on ")
          .append(run.cpuAttention() ? "ram" : "t4")
          .append(" }\n");
    }
    if (run.compressed()) {
      text.append("approximate within perplexity +5% { ");
      text.append(run.compressWeights() ? "weights 4-bit group 64 " : "");
      text.append(run.compressKv() ? "kv 4-bit group 64 " : "").append("}\n");
    }
    return compiled(text.toString());
  }

  /** FlexGen's policy in FlexGen's loop. */
  static FlexGenLoop.Block simulatePolicy(Run run, double diskGigabytes) {
    return FlexGenLoop.simulate(policy(run, diskGigabytes).plan());
  }

  /** FlexGen's policy in our own schedule. */
  static double simulatePolicyOurWay(Run run) {
    return simulated(policy(run, 2));
  }

  /** The best plan that the optimizer finds on FlexGen's machine, within what it really has. */
  static Compilation.Compiled best(String model, boolean quantized) {
    var text = PLATFORM.formatted("15 GiB", "208 GB", 2, model, "auto in 1..512", "auto in 1..16");
    return compiled(
        quantized
            ? text
                + "approximate within perplexity +2% { weights 4-bit group 64  kv 4-bit group 64 }"
            : text);
  }

  static double simulated(Compilation.Compiled compiled) {
    return Simulator.simulate(compiled.plan(), compiled.schedule()).throughputTokensPerSecond();
  }

  static Compilation.Compiled compiled(String text) {
    var compilation =
        Compiler.compile(text, Path.of("flexgen.stow").toAbsolutePath(), Settings.none());
    if (compilation instanceof Compilation.Compiled compiled) {
      return compiled;
    }
    throw new IllegalStateException(compilation + "\n" + text);
  }
}
