package dev.stowage.runtime.kernel.x86;

import java.util.List;

/** How wide vectors are, and what a processor must have for it, as Linux names it. */
enum Width {
  AVX2(8, "AVX2, FMA and F16C", List.of("avx2", "fma", "f16c")),
  AVX512(
      16,
      "AVX-512",
      List.of("avx2", "fma", "f16c", "avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512_vnni"));

  /** Floats of a vector. */
  final int lanes;

  /** What it is, for people. */
  final String title;

  final List<String> flags;

  Width(int lanes, String title, List<String> flags) {
    this.lanes = lanes;
    this.title = title;
    this.flags = flags;
  }

  /** Bytes of a vector. */
  int bytes() {
    return Float.BYTES * lanes;
  }

  /** Where weights are asked for: processors of wide vectors have more room in the first level. */
  int level() {
    return this == AVX2 ? 2 : 1;
  }

  /** Displacements from minus so many bytes on, and below so many, are short everywhere. */
  int reach() {
    return this == AVX2 ? 128 : 128 * Float.BYTES;
  }
}
