package dev.stowage.plan.model;

import dev.stowage.plan.ElementType;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/**
 * Where one tensor's numbers lie.
 *
 * @param dtype as the file names it, such as {@code BF16}
 * @param shape rows first, row-major
 * @param offset bytes from the start of the file
 * @param bytes length, consistent with {@code shape} for every dtype that Stowage computes with
 */
public record Tensor(
    String name, Path file, String dtype, List<Long> shape, long offset, long bytes) {
  public Tensor {
    Objects.requireNonNull(name);
    Objects.requireNonNull(file);
    Objects.requireNonNull(dtype);
    shape = List.copyOf(shape);
    if (offset < 0 || bytes < 0) {
      throw new IllegalArgumentException("%d bytes at %d".formatted(bytes, offset));
    }
    Math.addExact(offset, bytes);
  }

  /** The type of its numbers, or an error where Stowage cannot compute with them. */
  public ElementType elementType() throws ModelFormatException {
    return switch (dtype) {
      case "F32" -> ElementType.F32;
      case "F16" -> ElementType.F16;
      case "BF16" -> ElementType.BF16;
      default ->
          throw new ModelFormatException(
              "%s: tensor %s is stored as %s; weights are read as F32, F16 or BF16"
                  .formatted(file, name, dtype));
    };
  }
}
