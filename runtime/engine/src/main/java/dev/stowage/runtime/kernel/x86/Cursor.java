package dev.stowage.runtime.kernel.x86;

import dev.stowage.runtime.kernel.x86.Assembler.Register;

/**
 * A register that walks over memory while code is written that reads there, so that displacements
 * are short.
 */
final class Cursor {
  private final Assembler assembler;
  private final Register register;
  private int moved;

  Cursor(Assembler assembler, Register register) {
    this.assembler = assembler;
    this.register = register;
  }

  Register register() {
    return register;
  }

  /** The displacement of what lies this far from where the register pointed at first. */
  int at(int offset) {
    int reach = assembler.width().reach();
    if (offset - moved < -reach || offset - moved >= reach) {
      moveTo(offset + reach);
    }
    return offset - moved;
  }

  /** Lets the register point there. */
  void moveTo(int offset) {
    assembler.add(register, offset - moved);
    moved = offset;
  }
}
