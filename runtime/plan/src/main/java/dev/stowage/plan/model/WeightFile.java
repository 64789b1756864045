package dev.stowage.plan.model;

import java.nio.file.Path;
import java.util.List;

/** A file of weights, as its header describes it. */
sealed interface WeightFile permits SafetensorsHeader, GgufHeader {
  Path file();

  /** The header as stored. */
  byte[] raw();

  List<Tensor> tensors();

  /** Length of the whole file when its header was read. */
  long fileBytes();
}
