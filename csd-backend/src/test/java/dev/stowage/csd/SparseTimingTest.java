package dev.stowage.csd;

import static dev.stowage.runtime.kernel.Elements.F32;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Range;
import dev.stowage.plan.SparseReads;
import dev.stowage.plan.Sparsity;
import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.Partial;
import dev.stowage.runtime.device.Rows;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Simulated time, beside InstAttention's published 2.08 (HPCA 2025, section VI: OPT-13B, batch 256,
 * 1024 tokens in and 1024 out, an eighth of the bytes; the whole system's throughput, of which
 * attention is about nine tenths). Here: attention alone, on a drive as theirs (8 channels of 1.4
 * GB/s, 4 KiB pages), over heads as OPT-13B's (128 F16 numbers), 8 of them, one long sequence. Its
 * keys are made up: runs of 32 tokens lie close together and a few channels are large, so that
 * chosen tokens share pages more than a trained model's may.
 */
class SparseTimingTest {
  private static final long SEED = 20_261_121;
  private static final int HEADS = 8;
  private static final int WIDTH = 128;
  private static final int TOPIC_TOKENS = 32;

  @TempDir Path folder;

  @Test
  void anEighthOfTheBytesTakesAboutHalfTheTime() {
    var said = new StringBuilder();
    double atTheirLength = ratio(2048, said);
    double atFourTimes = ratio(8192, said);
    System.out.print(said);
    assertTrue(atTheirLength > 1.5 && atTheirLength < 3, said.toString());
    assertTrue(atFourTimes > atTheirLength, said.toString());
  }

  /** Dense over sparse time of one step; the keys of a run of tokens lie close together. */
  private double ratio(int tokens, StringBuilder said) {
    var eighth = Sparsity.ofBytes(1 / 8.0, WIDTH);
    var one = Range.upTo(1);
    var region =
        new KvRegion(
            "kv",
            one,
            one,
            Range.upTo(HEADS),
            Range.upTo(tokens),
            "csd",
            "csd",
            Optional.of(eighth));
    var layout = new KvLayout(region, HEADS, HEADS, WIDTH, ElementType.F16, Integer.MAX_VALUE, 1);
    var spec = new DeviceSpec("csd", DeviceKind.CSD, 1 << 28, 0, Optional.of("."), true, Map.of());
    var random = new Random(SEED);
    var topics = new float[tokens / TOPIC_TOKENS][HEADS * WIDTH];
    for (var topic : topics) {
      for (int i = 0; i < topic.length; i++) {
        double normal = random.nextGaussian();
        topic[i] = (float) (normal * normal * normal / 4); // a few channels are large
      }
    }
    var keys = floats(HEADS * WIDTH);
    var values = floats(HEADS * WIDTH);
    var queries = floats(HEADS * WIDTH);
    var partial = new Partial(floats(HEADS * WIDTH), floats(2 * HEADS));
    var rows = new Rows(1);
    try (var device = CsdDevice.emulated(spec, folder);
        var store = device.openKv(layout, MemorySegment.NULL)) {
      int stored = tokens * 3 / 4 + 200; // some keys do not lie by channel yet
      for (int t = 0; t < stored; t++) {
        for (int i = 0; i < HEADS * WIDTH; i++) {
          float near = topics[t / TOPIC_TOKENS][i] + (float) random.nextGaussian() / 2;
          keys.set(F32, 4L * i, near);
          values.set(F32, 4L * i, (float) random.nextGaussian());
        }
        rows.clear();
        rows.add(0, t, t);
        store.append(0, rows, keys, values);
      }
      double dense = 0;
      double sparse = 0;
      for (int step = 0; step < 4; step++) {
        for (int i = 0; i < HEADS * WIDTH; i++) {
          int topic = random.nextInt(topics.length * 3 / 4);
          queries.set(F32, 4L * i, topics[(step * 7 + topic / 16) % topics.length][i]);
        }
        for (boolean part : new boolean[] {false, true}) {
          rows.clear();
          rows.add(0, stored, stored, part);
          double before = device.statistics().simulatedAttendSeconds();
          store.attend(0, rows, queries, partial);
          double took = device.statistics().simulatedAttendSeconds() - before;
          dense += part ? 0 : took;
          sparse += part ? took : 0;
        }
      }
      var did = device.statistics();
      var expected = SparseReads.of(eighth, WIDTH, ElementType.F16, 4096, stored, tokens);
      said.append(
          "simulated, %d of %d tokens, seed %d: dense %.3f ms, sparse %.3f ms a step, ratio %.2f (InstAttention: 2.08 at 1024 to 2048 tokens); pages %.3f of dense, modelled %.3f%n"
              .formatted(
                  stored,
                  tokens,
                  SEED,
                  dense / 4 * 1e3,
                  sparse / 4 * 1e3,
                  dense / sparse,
                  (double) did.sparsePages() / did.sparsePagesDense(),
                  expected.share()));
      return dense / sparse;
    }
  }

  private static MemorySegment floats(int count) {
    return Arena.ofAuto().allocate(4L * count, 64);
  }
}
