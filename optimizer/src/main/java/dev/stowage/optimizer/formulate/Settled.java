package dev.stowage.optimizer.formulate;

import dev.stowage.optimizer.Placement.WaitingHidden;
import dev.stowage.plan.KvRegion;
import java.util.List;

/**
 * What is already decided in whole units when the weights are decided again.
 *
 * @param kv regions that fill the cache
 * @param waiting where activations wait
 */
public record Settled(List<KvRegion> kv, List<WaitingHidden> waiting) {
  public Settled {
    kv = List.copyOf(kv);
    waiting = List.copyOf(waiting);
  }
}
