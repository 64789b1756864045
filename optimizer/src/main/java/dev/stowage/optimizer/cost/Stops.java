package dev.stowage.optimizer.cost;

import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Weight;
import java.util.ArrayList;
import java.util.List;

/**
 * The stops of a pass as far as weights are concerned: the embedding, every layer, the head. A head
 * that is tied to the embedding needs the token rows.
 */
public final class Stops {
  private Stops() {}

  /** The matrices of the embedding. */
  public static List<Weight> embed(ModelShape shape) {
    return present(shape, Weight.TOKENS, Weight.POSITIONS, Weight.PROJECT_IN);
  }

  /** The matrices of a layer. */
  public static List<Weight> layer(ModelShape shape) {
    return present(
        shape, Weight.Q, Weight.K, Weight.V, Weight.O, Weight.GATE, Weight.UP, Weight.DOWN);
  }

  /** The matrices of the head. */
  public static List<Weight> head(ModelShape shape) {
    return present(shape, Weight.PROJECT_OUT, shape.tiedHead() ? Weight.TOKENS : Weight.HEAD);
  }

  private static List<Weight> present(ModelShape shape, Weight... weights) {
    var present = new ArrayList<Weight>();
    for (var weight : weights) {
      if (shape.rows(weight) > 0) {
        present.add(weight);
      }
    }
    return present;
  }
}
