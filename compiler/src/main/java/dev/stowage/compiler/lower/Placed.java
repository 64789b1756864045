package dev.stowage.compiler.lower;

import dev.stowage.plan.Asked;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Machine;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.ModelSource;
import dev.stowage.plan.Prediction;
import dev.stowage.plan.Stages;
import dev.stowage.plan.WeightRegion;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * All that lowering needs to know.
 *
 * @param stages the devices that run matrix products, norms and the pass's own attention
 * @param hostMemory the host that staging buffers lie on
 * @param prefetch stops whose weights are loaded ahead
 * @param waiting how many micro-batches' hidden states wait on a device between passes; with
 *     several stages all of them wait where each stage computes
 */
public record Placed(
    String name,
    ModelSource source,
    ModelShape shape,
    Machine machine,
    BatchShape batch,
    ElementType kvType,
    List<WeightRegion> weights,
    List<KvRegion> kv,
    Stages stages,
    String hostMemory,
    int prefetch,
    Map<String, Integer> waiting,
    List<Asked> shares,
    Prediction predicted) {
  public Placed {
    weights = List.copyOf(weights);
    kv = List.copyOf(kv);
    waiting = Collections.unmodifiableMap(new TreeMap<>(waiting));
    shares = List.copyOf(shares);
  }
}
