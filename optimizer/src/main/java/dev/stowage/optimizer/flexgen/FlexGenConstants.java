package dev.stowage.optimizer.flexgen;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The constants of FlexGen's model by its own names: bandwidths in B/s, compute in FLOP/s, and
 * three numbers that bend the CPU's.
 */
public record FlexGenConstants(Map<String, Double> values) {
  private static final double GB = 1L << 30;
  private static final double TERA = 1e12;

  /** FlexGen's defaults, fitted by its authors on one T4, 208 GB of DRAM and an NVMe drive. */
  public static final FlexGenConstants T4 = new FlexGenConstants(defaults());

  public FlexGenConstants {
    var all = new LinkedHashMap<>(defaults());
    values.forEach(
        (name, value) -> {
          if (!all.containsKey(name)) {
            throw new IllegalArgumentException(
                "FlexGen's model has no constant '%s'; it has %s".formatted(name, all.keySet()));
          }
          boolean bend = name.length() == 2;
          if (!Double.isFinite(value) || (bend ? value < 0 : value <= 0)) {
            throw new IllegalArgumentException("%s cannot be %s".formatted(name, value));
          }
          all.put(name, value);
        });
    values = Collections.unmodifiableMap(all);
  }

  private static Map<String, Double> defaults() {
    var constants = new LinkedHashMap<String, Double>();
    constants.put("ctog_bw", 12.89 * GB);
    constants.put("gtoc_bw_cache", 0.97 * GB);
    constants.put("gtoc_bw_hidden", 4.82 * GB);
    constants.put("dtoc_bw", 0.473 * GB);
    constants.put("ctod_bw_cache_p", 0.746 * GB);
    constants.put("ctod_bw_hidden_p", 2.015 * GB);
    constants.put("ctod_bw_g", 2.015 * GB);
    constants.put("mm_flops_p", 21.24 * TERA);
    constants.put("mm_flops_g", 4.3 * TERA);
    constants.put("bmm_flops_p", 9.97 * TERA);
    constants.put("bmm_flops_g", 0.079 * TERA);
    constants.put("cpu_flops", 0.0123 * TERA);
    constants.put("c1", 0.0168);
    constants.put("c2", 0.0328);
    constants.put("c3", 0.0621);
    return constants;
  }

  double of(String name) {
    return values.get(name);
  }

  /**
   * CPU attention's FLOP/s: {@code cpu_flops · max(0.1, 1 + c1·a·b − c2·a − c3·b)} with {@code a =
   * max(0, log2(64/gbs))}, {@code b = max(0, log2(4096/h1))}.
   */
  double cpuFlops(int batchSize, int hidden) {
    double a = Math.max(0, log2(64.0 / batchSize));
    double b = Math.max(0, log2(4096.0 / hidden));
    return of("cpu_flops") * Math.max(0.1, 1 + of("c1") * a * b - of("c2") * a - of("c3") * b);
  }

  private static double log2(double x) {
    return Math.log(x) / Math.log(2);
  }
}
