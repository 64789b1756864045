package dev.stowage.bundle;

import dev.stowage.gpu.GpuRates;
import dev.stowage.gpu.GpuRates.Way;
import dev.stowage.plan.ElementType;
import java.util.List;
import java.util.Locale;

/**
 * Speed, as shares of what plain copies reach on the same GPU. The floors hold for real devices; on
 * an emulated one the same code runs on small operands, and only the numbers are written.
 */
final class Benchmarks {
  private static final double COPIES = 0.9;
  private static final double ATTENTION = 0.7;
  private static final double STREAMED = 0.85;
  private static final double FEW_ROWS = 0.6;

  private final Results results;
  private final GpuRates rates;
  private final boolean small;
  private final boolean emulated;

  Benchmarks(Results results, GpuRates rates, boolean quick, boolean emulated) {
    this.results = results;
    this.rates = rates;
    this.emulated = emulated;
    small = quick || emulated;
  }

  void run() {
    copies();
    var memory = new double[1];
    results.check(
        "memory",
        "copies within the GPU",
        numbers -> {
          memory[0] = rates.memory(small ? 1 << 20 : 512 << 20);
          numbers.put("bytes_per_second", memory[0]);
          return memory[0] > 0;
        });
    products(memory);
    attention(memory);
    promptAttention();
    streamed();
  }

  private boolean floor(double share, double floor) {
    return emulated || share >= floor;
  }

  private void copies() {
    long bytes = small ? 1 << 20 : 256 << 20;
    for (var way : Way.values()) {
      results.check(
          "copies",
          way.toString().toLowerCase(Locale.ROOT),
          numbers -> {
            double plain = rates.plainCopy(way, bytes);
            double plans = rates.planCopy(way, bytes);
            numbers.put("plain_bytes_per_second", plain).put("bytes_per_second", plans);
            numbers.put("share", plans / plain).put("floor", COPIES);
            return floor(plans / plain, COPIES);
          });
    }
  }

  private void products(double[] memory) {
    int k = small ? 64 : 4096;
    int n = small ? 64 : 4096;
    for (var type :
        List.of(
            ElementType.F16,
            ElementType.BF16,
            ElementType.INT8,
            ElementType.INT4,
            ElementType.Q8_0,
            ElementType.Q4_0)) {
      for (int rows : new int[] {1, 8, 32, 64, 512}) {
        if (small && rows > 64) {
          continue;
        }
        results.check(
            "products",
            "%s, %d rows".formatted(type.word(), rows),
            numbers -> {
              double calls = rates.product(type, rows, k, n);
              double bytes = calls * n * type.rowBytes(k);
              numbers.put("k", k).put("n", n).put("microseconds", 1e6 / calls);
              numbers.put("operations_per_second", 2.0 * calls * rows * k * n);
              numbers.put("weight_bytes_per_second", bytes);
              numbers.put("share_of_memory", bytes / memory[0]);
              if (ElementType.single().contains(type)) {
                // cuBLAS rounds its rows to 16 bits; ours take them as F32, in two or three parts
                rates
                    .cublasProduct(type, rows, k, n)
                    .ifPresent(
                        cublas ->
                            numbers
                                .put("cublas_operations_per_second", 2.0 * cublas * rows * k * n)
                                .put("share_of_cublas", calls / cublas));
              }
              if (rows == 1 && type == ElementType.F16) {
                numbers.put("floor", FEW_ROWS);
                return floor(bytes / memory[0], FEW_ROWS);
              }
              return true;
            });
      }
    }
  }

  private void attention(double[] memory) {
    for (var type : List.of(ElementType.F16, ElementType.INT8, ElementType.INT4)) {
      for (int group : new int[] {1, 4}) {
        results.check(
            "decode attention",
            "%s, %d query heads a key head".formatted(type.word(), group),
            numbers -> {
              int tokens = small ? 70 : 32_768;
              double bytes =
                  rates.decodeAttention(
                      type, tokens, small ? group : 8 * group, small ? 1 : 8, 128);
              double share = bytes / memory[0];
              numbers.put("tokens", tokens).put("bytes_per_second", bytes);
              numbers.put("share_of_memory", share);
              if (type == ElementType.F16) {
                numbers.put("floor", ATTENTION);
                return floor(share, ATTENTION);
              }
              return true;
            });
      }
    }
  }

  /** Tokens of a prompt among themselves, and after as many that are stored. */
  private void promptAttention() {
    for (var type : List.of(ElementType.F32, ElementType.F16, ElementType.INT8)) {
      results.check(
          "prompt attention",
          type.word(),
          numbers -> {
            int rows = small ? 70 : 2048;
            int kvHeads = small ? 1 : 8;
            double calls = rates.promptAttention(type, rows, 4 * kvHeads, kvHeads, 128);
            int stored = type == ElementType.F32 ? 0 : rows;
            double pairs = rows * (stored + (rows + 1) / 2.0) * 4 * kvHeads;
            numbers.put("rows", rows).put("stored", stored).put("microseconds", 1e6 / calls);
            numbers.put("operations_per_second", 4.0 * 128 * pairs * calls);
            return true;
          });
    }
  }

  private void streamed() {
    int width = small ? 64 : 8192;
    results.check(
        "streamed weights",
        "f16 from the host",
        numbers -> {
          double link = rates.plainCopy(Way.IN, small ? 1 << 16 : 128 << 20);
          double bytes = rates.streamedWeights(ElementType.F16, 16, 32, width, width);
          numbers.put("link_bytes_per_second", link).put("bytes_per_second", bytes);
          numbers.put("share", bytes / link).put("floor", STREAMED);
          return floor(bytes / link, STREAMED);
        });
  }
}
