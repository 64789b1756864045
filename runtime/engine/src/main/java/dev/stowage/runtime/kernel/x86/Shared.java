package dev.stowage.runtime.kernel.x86;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;

/** The functions that all products use. */
final class Shared {
  /** {@link Tile#clear}. */
  static final MemorySegment CLEAR;

  /** {@link Tile#interleave}. */
  static final MemorySegment INTERLEAVE;

  private static final int WIDEST = Tile.mostOutputs(1);

  private static final MemorySegment[] FOLDS = new MemorySegment[Tile.MOST_ROWS * WIDEST];

  static {
    var codes = new ArrayList<byte[]>();
    codes.add(Tile.clear());
    codes.add(Tile.interleave());
    for (int i = 0; i < FOLDS.length; i++) {
      codes.add(Tile.fold(1 + i / WIDEST, 1 + i % WIDEST));
    }
    var made = MachineCode.of(codes).functions().iterator();
    CLEAR = made.next();
    INTERLEAVE = made.next();
    for (int i = 0; i < FOLDS.length; i++) {
      FOLDS[i] = made.next();
    }
  }

  private Shared() {}

  /** {@link Tile#fold}. */
  static MemorySegment fold(int rows, int outputs) {
    return FOLDS[(rows - 1) * WIDEST + outputs - 1];
  }
}
