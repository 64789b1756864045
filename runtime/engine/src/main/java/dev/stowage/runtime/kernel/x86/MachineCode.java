package dev.stowage.runtime.kernel.x86;

import dev.stowage.runtime.system.Mapping;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;

/**
 * Memory that holds machine code: written first, then made executable and never written again.
 *
 * @param functions where each begins
 */
record MachineCode(List<MemorySegment> functions) {
  private static final int ALIGNMENT = 64;

  /** Null where there is nothing that could be called. */
  private static final MethodHandle CALL = !Cpu.widths().isEmpty() ? callee() : null;

  /** Whether this machine runs what {@link Assembler} writes, and its system and JVM let it. */
  static final boolean RUNS = CALL != null && isAllowed();

  private static boolean isAllowed() {
    try {
      var nothing = new Assembler(Width.AVX2);
      nothing.leave();
      call(of(List.of(nothing.code())).functions().getFirst(), 0, 0, 0, 0, 0, 0);
      return true;
    } catch (UnsupportedOperationException e) {
      return false;
    }
  }

  /**
   * Makes functions, which stay as long as the process.
   *
   * @throws UnsupportedOperationException where the system denies such memory
   */
  static MachineCode of(List<byte[]> codes) {
    long bytes = codes.stream().mapToLong(code -> code.length + ALIGNMENT).sum();
    var memory = Mapping.of(Arena.global(), bytes);
    var functions = new ArrayList<MemorySegment>();
    long at = 0;
    for (var code : codes) {
      MemorySegment.copy(code, 0, memory, ValueLayout.JAVA_BYTE, at, code.length);
      functions.add(memory.asSlice(at));
      at = (at + code.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    Mapping.makeExecutable(memory);
    return new MachineCode(List.copyOf(functions));
  }

  /** Calls a function. It must end soon: nothing stops a thread there. */
  static void call(
      MemorySegment function, long rdi, long rsi, long rdx, long rcx, long r8, long r9) {
    try {
      CALL.invokeExact(function, rdi, rsi, rdx, rcx, r8, r9);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  @SuppressWarnings("restricted") // of what Assembler wrote
  private static MethodHandle callee() {
    var number = ValueLayout.JAVA_LONG;
    try {
      return Linker.nativeLinker()
          .downcallHandle(
              FunctionDescriptor.ofVoid(number, number, number, number, number, number),
              Linker.Option.critical(false));
    } catch (IllegalCallerException | UnsupportedOperationException e) {
      return null;
    }
  }
}
