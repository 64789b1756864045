package dev.stowage.csd;

import static dev.stowage.runtime.kernel.Elements.F32;

import dev.stowage.runtime.device.KvLayout;
import dev.stowage.runtime.device.Partial;
import dev.stowage.runtime.device.Rows;
import dev.stowage.runtime.kernel.Elements;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** What a KV store must answer, said plainly: tokens in lists, attention in doubles. */
final class ReferenceKv {
  private final KvLayout layout;

  /** Keys and values of all model heads, by slot and layer, from the sequence's first token on. */
  private final List<List<List<float[][]>>> tokens = new ArrayList<>();

  private final MemorySegment rounded = MemorySegment.ofArray(new byte[4]);

  ReferenceKv(KvLayout layout, int slots, int layers) {
    this.layout = layout;
    for (int slot = 0; slot < slots; slot++) {
      var ofSlot = new ArrayList<List<float[][]>>();
      for (int layer = 0; layer < layers; layer++) {
        ofSlot.add(new ArrayList<>());
      }
      tokens.add(ofSlot);
    }
  }

  void clear(int slot) {
    tokens.get(slot).forEach(List::clear);
  }

  void append(int layer, Rows rows, MemorySegment keys, MemorySegment values) {
    int width = layout.kvHeads() * layout.headDim();
    for (int row = 0; row < rows.count(); row++) {
      var token = new float[2][width];
      for (int i = 0; i < width; i++) {
        long at = 4L * ((long) row * width + i);
        token[0][i] = round(keys.get(F32, at));
        token[1][i] = round(values.get(F32, at));
      }
      tokens.get(rows.slot(row)).get(layer).add(token);
    }
  }

  private float round(float value) {
    Elements.set(layout.type(), rounded, 0, value);
    return Elements.get(layout.type(), rounded, 0);
  }

  /** Says where a partial result is not what it must be; null where it is. */
  String difference(int layer, Rows rows, MemorySegment queries, Partial partial) {
    int d = layout.headDim();
    for (int row = 0; row < rows.count(); row++) {
      for (int head = 0; head < layout.heads(); head++) {
        int kvHead = head / layout.groupSize();
        var stored = tokens.get(rows.slot(row)).get(layer);
        long r = (long) row * layout.heads() + head;
        double m = Double.NEGATIVE_INFINITY;
        double[] scores = new double[rows.start(row)];
        boolean[] seen = new boolean[rows.start(row)];
        for (int t = 0; t < rows.start(row); t++) {
          seen[t] = holds(layer, rows, row, kvHead, t);
          if (seen[t]) {
            for (int i = 0; i < d; i++) {
              scores[t] +=
                  (double) queries.get(F32, 4 * (r * d + i)) * stored.get(t)[0][kvHead * d + i];
            }
            scores[t] *= layout.scale();
            m = Math.max(m, scores[t]);
          }
        }
        double l = 0;
        double[] o = new double[d];
        for (int t = 0; t < rows.start(row); t++) {
          if (seen[t]) {
            double p = Math.exp(scores[t] - m);
            l += p;
            for (int i = 0; i < d; i++) {
              o[i] += p * stored.get(t)[1][kvHead * d + i];
            }
          }
        }
        String where = "layer %d, row %d, head %d: ".formatted(layer, row, head);
        float gotM = partial.state().get(F32, 8 * r);
        float gotL = partial.state().get(F32, 8 * r + 4);
        if (l == 0) {
          if (gotM != Float.NEGATIVE_INFINITY || gotL != 0) {
            return where + "m %s, l %s instead of a neutral result".formatted(gotM, gotL);
          }
          continue;
        }
        if (!(Math.abs(gotM - m) <= 1e-4 * (1 + Math.abs(m)))) {
          return where + "m %s instead of %s".formatted(gotM, m);
        }
        if (!(Math.abs(gotL - l) <= 1e-3 * l)) {
          return where + "l %s instead of %s".formatted(gotL, l);
        }
        for (int i = 0; i < d; i++) {
          float got = partial.o().get(F32, 4 * (r * d + i));
          if (!(Math.abs(got - o[i]) <= 1e-3 * l)) {
            return where + "o[%d] %s instead of %s".formatted(i, got, o[i]);
          }
        }
      }
    }
    return null;
  }

  private boolean holds(int layer, Rows rows, int row, int kvHead, int token) {
    var region = layout.region();
    return region.layers().contains(layer)
        && region.sequences().contains(rows.slot(row))
        && region.heads().contains(kvHead)
        && region.tokens().contains(token)
        && token > (long) rows.position(row) - layout.window();
  }
}
