package dev.stowage.optimizer.cost;

import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Weight;
import java.util.ArrayList;
import java.util.List;

/**
 * What the stops of a pass load: the embedding, every layer, the head. Rows of tokens and positions
 * are looked up where they lie, not loaded; but a head that is tied to the embedding needs the
 * token rows.
 */
public final class Stops {
  private Stops() {}

  /** The matrices that the embedding loads. */
  public static List<Weight> embed(ModelShape shape) {
    return present(shape, Weight.PROJECT_IN);
  }

  /** The matrices that a layer loads. */
  public static List<Weight> layer(ModelShape shape) {
    return present(
        shape, Weight.Q, Weight.K, Weight.V, Weight.O, Weight.GATE, Weight.UP, Weight.DOWN);
  }

  /** The matrices that the head loads. */
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
