package dev.stowage.optimizer;

import dev.stowage.optimizer.LpModel.Row;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What a program cannot go below, without solving it. Any prices of its rows bound it (weak
 * duality):
 *
 * <pre>
 * goal ≥ Σ_rows price · limit + Σ_variables min over their interval of (cost − Σ_rows price · factor) · variable
 * </pre>
 *
 * The prices of a program like it, such as that of a neighbouring batch shape, bound it closely.
 */
final class DualBound {
  private static final double TOLERANCE = 1e-9;

  private final Map<String, Double> prices;

  private DualBound(Map<String, Double> prices) {
    this.prices = prices;
  }

  /** Takes the prices of the rows of a solved program, by name. */
  static DualBound of(List<Row> rows, double[] duals) {
    var prices = new HashMap<String, Double>();
    for (int i = 0; i < rows.size(); i++) {
      double price = duals[i];
      if (price != 0) {
        prices.put(rows.get(i).name(), price);
      }
    }
    return new DualBound(prices);
  }

  /** What the goal of a program cannot go below; negative infinity where the prices say nothing. */
  double of(LpModel model) {
    var rows = new ArrayList<Row>();
    var price = new double[model.rows().size()];
    for (var row : model.rows()) {
      double here = prices.getOrDefault(row.name(), 0.0);
      if (here != 0 && Double.isFinite(limit(row, here))) {
        price[rows.size()] = here;
        rows.add(row);
      }
    }
    var reduced = new double[model.variables().size()];
    model.goal().forEach(term -> reduced[term.variable()] += term.factor());
    for (int i = 0; i < rows.size(); i++) {
      for (var term : rows.get(i).terms()) {
        reduced[term.variable()] -= price[i] * term.factor();
      }
    }
    for (int v = 0; v < reduced.length; v++) {
      if (isOpen(model, v) && reduced[v] < 0) {
        lessen(rows, price, reduced, v);
      }
    }
    double sum = 0;
    for (int i = 0; i < rows.size(); i++) {
      if (price[i] != 0) { // one that was lessened to nothing may have an infinite limit
        sum += price[i] * limit(rows.get(i), price[i]);
      }
    }
    for (int v = 0; v < reduced.length; v++) {
      var variable = model.variables().get(v);
      if (reduced[v] >= 0) {
        sum += reduced[v] * variable.lower();
      } else if (!isOpen(model, v)) {
        sum += reduced[v] * variable.upper();
      } else if (reduced[v] < -TOLERANCE) {
        return Double.NEGATIVE_INFINITY;
      }
    }
    return sum;
  }

  /**
   * Lessens the prices that a variable without an upper limit pays until it pays no more than it
   * costs: where a factor changed, those of the other program ask too much of it.
   */
  private static void lessen(List<Row> rows, double[] price, double[] reduced, int variable) {
    double paid = 0;
    var payees = new ArrayList<Integer>();
    for (int i = 0; i < rows.size(); i++) {
      double here = price[i] * factor(rows.get(i), variable);
      if (here > 0) {
        paid += here;
        payees.add(i);
      }
    }
    double part = Math.max(0, 1 + reduced[variable] / paid);
    for (int i : payees) {
      double less = price[i] - price[i] * part;
      for (var term : rows.get(i).terms()) {
        reduced[term.variable()] += less * term.factor();
      }
      price[i] *= part;
    }
  }

  private static double factor(Row row, int variable) {
    double factor = 0;
    for (var term : row.terms()) {
      factor += term.variable() == variable ? term.factor() : 0;
    }
    return factor;
  }

  private static boolean isOpen(LpModel model, int variable) {
    return model.variables().get(variable).upper() == Double.POSITIVE_INFINITY;
  }

  private static double limit(Row row, double price) {
    return price > 0 ? row.lower() : row.upper();
  }
}
