package dev.stowage.compiler.simulate;

import dev.stowage.plan.BatchShape;
import dev.stowage.plan.Range;
import java.util.ArrayList;
import java.util.List;

/**
 * One walk of all sequences through the model.
 *
 * @param index of its phase, from 0
 * @param tokens that every sequence brings
 * @param stored tokens that every sequence's cache holds before it
 * @param picks whether it makes logits
 */
record Sweep(boolean prefill, int index, int tokens, int stored, boolean picks) {
  /** The sweeps of a full block: chunks of the prompts, then one token after the other. */
  static List<Sweep> of(BatchShape batch) {
    var sweeps = new ArrayList<Sweep>();
    int chunk = Math.min(batch.prefillChunk(), batch.promptTokens());
    for (int stored = 0; stored < batch.promptTokens(); stored += chunk) {
      int tokens = Math.min(chunk, batch.promptTokens() - stored);
      sweeps.add(
          new Sweep(true, sweeps.size(), tokens, stored, stored + tokens == batch.promptTokens()));
    }
    for (int i = 0; i < batch.generateTokens() - 1; i++) {
      sweeps.add(new Sweep(false, i, 1, batch.promptTokens() + i, true));
    }
    return sweeps;
  }

  /** Stored tokens that lie in a region of those positions. */
  int heldIn(Range positions) {
    return overlap(positions, 0, stored);
  }

  /** This sweep's tokens that are stored in a region of those positions. */
  int writtenTo(Range positions) {
    return overlap(positions, stored, stored + tokens);
  }

  private static int overlap(Range positions, int from, int to) {
    return Math.max(0, Math.min(positions.to(), to) - Math.max(positions.from(), from));
  }
}
