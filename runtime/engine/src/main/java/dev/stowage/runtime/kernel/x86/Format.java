package dev.stowage.runtime.kernel.x86;

import dev.stowage.runtime.kernel.x86.Assembler.Register;

/** Weights of single numbers, and how they become floats, a vector at a time. */
enum Format {
  F32,
  F16,
  BF16;

  /** Numbers of a step. */
  static final int STEP = 16;

  /** Bytes of so many numbers. */
  int bytes(int numbers) {
    return this == F32 ? Float.BYTES * numbers : Short.BYTES * numbers;
  }

  /** Widens a vector of the step. */
  void widen(Assembler a, int to, Register w, int vector) {
    int at = bytes(a.width().lanes) * vector;
    switch (this) {
      case F32 -> a.load(to, w, at);
      case F16 -> a.loadHalves(to, w, at);
      case BF16 -> {
        a.loadUnsigned16(to, w, at);
        a.shiftIntsLeft(to, to, 16);
      }
    }
  }
}
