package dev.stowage.optimizer.formulate;

import dev.stowage.optimizer.LpModel;
import dev.stowage.optimizer.LpModel.Row;
import dev.stowage.optimizer.LpModel.Term;
import dev.stowage.optimizer.Phase;
import dev.stowage.optimizer.Problem;
import dev.stowage.optimizer.Thing;
import dev.stowage.optimizer.cost.BusyTable;
import dev.stowage.optimizer.cost.MemoryUse;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.DeviceKind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A problem and one batch shape as a linear program, and how to read its values. Goals are added by
 * who asks.
 */
public final class Formulation {
  /** Part of the block's time that a share missed altogether counts, at weight 1. */
  public static final double MISSED = 0.1;

  private final Columns columns;
  private final List<Row> rows;

  private Formulation(Columns columns, Map<String, Long> margins) {
    this.columns = columns;
    var rows = new ArrayList<Row>();
    rows.addAll(CoverRows.of(columns));
    rows.addAll(RingRows.of(columns));
    rows.addAll(MemoryRows.of(columns, margins));
    rows.addAll(DramRows.of(columns));
    rows.addAll(TimeRows.of(columns));
    rows.addAll(ShareRows.of(columns));
    rows.addAll(QualityRow.of(columns));
    rows.addAll(WholeRows.of(columns));
    this.rows = List.copyOf(rows);
  }

  /** Everything is open, with a structure of its own. */
  public static Formulation open(
      Problem problem, BatchShape batch, int prefetch, Set<KvChoice> excluded) {
    return open(new Structure(problem), batch, prefetch, excluded);
  }

  /**
   * Everything is open.
   *
   * @param excluded KV routes that groups of layers do not use
   */
  public static Formulation open(
      Structure structure, BatchShape batch, int prefetch, Set<KvChoice> excluded) {
    return open(structure, batch, prefetch, true, excluded);
  }

  /**
   * Everything is open.
   *
   * @param apart whether tokens of prompts and generated ones are decided apart, and so lie in
   *     regions of their own
   * @param excluded KV routes that groups of layers do not use
   */
  public static Formulation open(
      Structure structure, BatchShape batch, int prefetch, boolean apart, Set<KvChoice> excluded) {
    return new Formulation(
        new Columns(
            structure,
            batch,
            prefetch,
            excluded,
            Optional.empty(),
            false,
            structure.parts(batch, apart)),
        Map.of());
  }

  /**
   * Weights are open, the rest is settled.
   *
   * @param margins bytes of each device kept free for rounding
   */
  public static Formulation settled(
      Structure structure,
      BatchShape batch,
      int prefetch,
      Settled settled,
      Map<String, Long> margins) {
    return new Formulation(
        new Columns(structure, batch, prefetch, Set.of(), Optional.of(settled), false, List.of()),
        margins);
  }

  /**
   * Everything is open, and KV and waiting activations are whole numbers of units: a mixed program.
   *
   * @param apart whether tokens of prompts and generated ones are decided apart, and so lie in
   *     regions of their own
   * @param margins bytes of each device kept free for rounding weights
   */
  public static Formulation whole(
      Structure structure,
      BatchShape batch,
      int prefetch,
      boolean apart,
      Map<String, Long> margins) {
    return new Formulation(
        new Columns(
            structure,
            batch,
            prefetch,
            Set.of(),
            Optional.empty(),
            true,
            structure.parts(batch, apart)),
        margins);
  }

  public Problem problem() {
    return columns.problem;
  }

  public BatchShape batch() {
    return columns.batch;
  }

  public int prefetch() {
    return columns.prefetch;
  }

  /** What the problem demands; a program with a goal may have more rows after these. */
  public List<Row> rows() {
    return rows;
  }

  /** The program with a goal, and more rows than the problem has. */
  public LpModel model(List<Term> goal, List<Row> more) {
    var all = new ArrayList<>(rows);
    all.addAll(more);
    return new LpModel(columns.variables(), all, goal);
  }

  /** The time of a block, in ms. */
  public List<Term> blockTime() {
    return TimeRows.blockTime(columns);
  }

  /** The time of a phase, in ms. */
  public List<Term> phaseTime(Phase phase) {
    return TimeRows.phaseTime(columns, phase);
  }

  /** The share of a thing's bytes on some devices, 0..1; nothing where it is settled. */
  public List<Term> shareOn(Thing thing, List<String> devices) {
    return ShareRows.terms(columns, thing, devices::contains);
  }

  /** The bytes on a device that a placement can change, in GiB. */
  public List<Term> bytesOn(String device) {
    return MemoryRows.terms(columns, device);
  }

  /** What the bytes on a device are for, for values of the program. */
  public MemoryUse.Bytes bytesOn(String device, double[] values) {
    return MemoryRows.bytes(columns, device, values);
  }

  /** Bytes on a device that no placement changes. */
  public long fixedBytesOn(String device) {
    return columns.fixedBytes.on(device).total();
  }

  /**
   * How badly preferences are missed: a tenth of the block's time for all of a share missed at
   * weight 1.
   */
  public List<Term> missed(double blockMillis) {
    return columns.missed.stream()
        .map(m -> new Term(m.index(), MISSED * m.preference().weight() * blockMillis))
        .toList();
  }

  public boolean hasPreferences() {
    return !columns.missed.isEmpty();
  }

  /**
   * All work of all resources, in ms, and a little for gpu memory: of two placements equally fast,
   * the one that moves less is the simpler.
   */
  public List<Term> effort(double blockMillis) {
    var terms = new ArrayList<Term>();
    columns.weights.forEach(c -> terms.add(new Term(c.index(), millis(c.work()))));
    columns.kv.forEach(c -> terms.add(new Term(c.index(), millis(c.work()))));
    columns.waiting.forEach(c -> terms.add(new Term(c.index(), millis(c.work()))));
    for (var device : problem().machine().devices()) {
      if (device.kind() == DeviceKind.GPU) {
        for (var term : bytesOn(device.name())) {
          terms.add(new Term(term.variable(), 1e-6 * blockMillis * term.factor()));
        }
      }
    }
    return terms;
  }

  /** Shares of every weight class by route. */
  public Map<WeightClass, Map<Routes.Weights, Double>> weightShares(double[] values) {
    var shares = new LinkedHashMap<WeightClass, Map<Routes.Weights, Double>>();
    for (var column : columns.weights) {
      shares
          .computeIfAbsent(column.of(), any -> new LinkedHashMap<>())
          .put(column.route(), values[column.index()]);
    }
    return shares;
  }

  /** Shares of every part of the KV cache by route. */
  public Map<KvPart, Map<Routes.Alike, Double>> kvShares(double[] values) {
    var shares = new LinkedHashMap<KvPart, Map<Routes.Alike, Double>>();
    for (var column : columns.kv) {
      shares
          .computeIfAbsent(column.part(), any -> new LinkedHashMap<>())
          .put(column.routes(), values[column.index()]);
    }
    return shares;
  }

  /** Shares of the waiting activations by device. */
  public Map<String, Double> waitingShares(double[] values) {
    var shares = new LinkedHashMap<String, Double>();
    columns.waiting.forEach(column -> shares.put(column.device(), values[column.index()]));
    return shares;
  }

  private static double millis(BusyTable table) {
    return table.total() * Columns.MILLIS;
  }
}
