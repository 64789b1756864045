package dev.stowage.runtime.kernel.x86;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.Map;

/** The functions that all products use, of one width. */
final class Shared {
  private static final Map<Width, Shared> MADE = new EnumMap<>(Width.class);

  /** {@link Tile#clear}. */
  final MemorySegment clear;

  /** {@link Tile#interleave}. */
  final MemorySegment interleave;

  private final MemorySegment[] folds;

  private Shared(Width width) {
    folds = new MemorySegment[Tile.mostRows(width) * Tile.MOST_OUTPUTS];
    var codes = new ArrayList<byte[]>();
    codes.add(Tile.clear(width));
    codes.add(Tile.interleave(width));
    for (int i = 0; i < folds.length; i++) {
      codes.add(Tile.fold(width, 1 + i / Tile.MOST_OUTPUTS, 1 + i % Tile.MOST_OUTPUTS));
    }
    var made = MachineCode.of(codes).functions().iterator();
    clear = made.next();
    interleave = made.next();
    for (int i = 0; i < folds.length; i++) {
      folds[i] = made.next();
    }
  }

  static synchronized Shared of(Width width) {
    return MADE.computeIfAbsent(width, Shared::new);
  }

  /** {@link Tile#fold}. */
  MemorySegment fold(int rows, int outputs) {
    return folds[(rows - 1) * Tile.MOST_OUTPUTS + outputs - 1];
  }
}
