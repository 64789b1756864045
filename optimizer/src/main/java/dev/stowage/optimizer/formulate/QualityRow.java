package dev.stowage.optimizer.formulate;

import dev.stowage.optimizer.Bounds.Quality;
import dev.stowage.optimizer.Bounds.Quality.Loss;
import dev.stowage.optimizer.LpModel.Row;
import dev.stowage.optimizer.LpModel.Term;
import dev.stowage.optimizer.Problem;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Sparsity;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What approximations are expected to cost together stays within the author's budget:
 *
 * <pre>
 * loss(kv type) + Σ loss[class, type] · share[class, home, type] + Σ loss[sparsity] · share[kv, route] ≤ budget
 * </pre>
 */
final class QualityRow {
  private QualityRow() {}

  static List<Row> of(Columns columns) {
    return columns.problem.bounds().quality().map(quality -> row(columns, quality)).stream()
        .toList();
  }

  private static Row row(Columns columns, Quality quality) {
    var terms = new ArrayList<Term>();
    for (var column : columns.weights) {
      add(terms, column.index(), ofWeights(columns, quality, column.of(), column.route().type()));
    }
    for (var column : columns.kv) {
      add(terms, column.index(), column.ofAll() * ofAttention(quality, column.route().sparsity()));
    }
    return new Row(
        "loss of quality",
        Row.Kind.QUALITY,
        "quality",
        "loss",
        terms,
        Double.NEGATIVE_INFINITY,
        quality.budget() - fixed(columns, quality),
        List.of(quality.source()));
  }

  private static void add(List<Term> terms, int index, double loss) {
    if (loss > 0) {
      terms.add(new Term(index, loss));
    }
  }

  /** What no column changes: the type of the KV cache, and KV that is settled. */
  private static double fixed(Columns columns, Quality quality) {
    return ofKv(columns.problem, quality)
        + columns.settledKv.stream()
            .mapToDouble(region -> ofAttention(quality, region.sparsity()) * part(columns, region))
            .sum();
  }

  private static double part(Columns columns, KvRegion region) {
    double all =
        (double) columns.problem.shape().layers()
            * columns.batch.sequences()
            * columns.problem.shape().kvHeads()
            * columns.batch.tokens();
    return (double) region.layers().size()
        * region.sequences().size()
        * region.heads().size()
        * region.tokens().size()
        / all;
  }

  private static double ofKv(Problem problem, Quality quality) {
    double sum = 0;
    for (var loss : quality.losses()) {
      if (loss instanceof Loss.OfKv(var type, double expected) && type == problem.kvType()) {
        sum += expected;
      }
    }
    return sum;
  }

  private static double ofAttention(Quality quality, Optional<Sparsity> sparsity) {
    double sum = 0;
    for (var loss : quality.losses()) {
      if (loss instanceof Loss.OfAttention(var read, double expected)
          && sparsity.equals(Optional.of(read))) {
        sum += expected;
      }
    }
    return sum;
  }

  private static double ofWeights(
      Columns columns, Quality quality, WeightClass c, ElementType type) {
    var shape = columns.problem.shape();
    double sum = 0;
    for (var loss : quality.losses()) {
      if (loss instanceof Loss.OfWeights(var thing, var as, double expected) && as == type) {
        long all = columns.classes.stream().mapToLong(o -> o.bytesWithin(shape, thing)).sum();
        sum += all > 0 ? expected * c.bytesWithin(shape, thing) / all : 0;
      }
    }
    return sum;
  }
}
