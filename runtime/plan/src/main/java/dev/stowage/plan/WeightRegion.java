package dev.stowage.plan;

import java.util.Objects;

/**
 * Rows of one matrix, in each of some layers, that lie on one device.
 *
 * @param layers the layers; {@code 0..1} for a matrix that belongs to no layer
 * @param home the device the rows lie on while the plan runs
 * @param type how the rows are stored there: as in the model, or quantized when they are brought
 *     there
 */
public record WeightRegion(Weight weight, Range layers, Range rows, String home, ElementType type) {
  public WeightRegion {
    Objects.requireNonNull(weight);
    Objects.requireNonNull(home);
    Objects.requireNonNull(type);
    if (layers.isEmpty() || rows.isEmpty()) {
      throw new IllegalArgumentException("an empty region of " + weight.word());
    }
  }

  /** Bytes of the region over all its layers. */
  public long bytes(ModelShape shape) {
    return layers.size() * rows.size() * shape.rowBytes(weight, type);
  }
}
