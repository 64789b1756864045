package dev.stowage.runtime.kernel.x86;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;

/**
 * Memory that holds machine code: written first, then made executable and never written again.
 *
 * @param functions where each begins
 */
record MachineCode(List<MemorySegment> functions) {
  private static final int READ_WRITE = 3;
  private static final int READ_EXECUTE = 5;
  private static final int PRIVATE_ANONYMOUS = 0x22;
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
    var memory = map(bytes);
    var functions = new ArrayList<MemorySegment>();
    long at = 0;
    for (var code : codes) {
      MemorySegment.copy(code, 0, memory, ValueLayout.JAVA_BYTE, at, code.length);
      functions.add(memory.asSlice(at));
      at = (at + code.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    protect(memory, bytes);
    return new MachineCode(List.copyOf(functions));
  }

  @SuppressWarnings("restricted") // exactly what was mapped
  private static MemorySegment map(long bytes) {
    try {
      var map =
          function(
              "mmap",
              ValueLayout.ADDRESS,
              ValueLayout.ADDRESS,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG);
      var memory =
          (MemorySegment)
              map.invokeExact(MemorySegment.NULL, bytes, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0L);
      if (memory.address() == -1) {
        throw new UnsupportedOperationException("no memory for machine code");
      }
      return memory.reinterpret(bytes, Arena.global(), null);
    } catch (IllegalCallerException | NoSuchElementException e) {
      throw new UnsupportedOperationException(e.getMessage(), e);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private static void protect(MemorySegment memory, long bytes) {
    try {
      var protect =
          function(
              "mprotect",
              ValueLayout.JAVA_INT,
              ValueLayout.ADDRESS,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT);
      if ((int) protect.invokeExact(memory, bytes, READ_EXECUTE) != 0) {
        throw new UnsupportedOperationException("the system runs no code made at run time");
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
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

  @SuppressWarnings("restricted") // calls of the C library by their documented signatures
  private static MethodHandle function(
      String name, MemoryLayout result, MemoryLayout... parameters) {
    var linker = Linker.nativeLinker();
    return linker.downcallHandle(
        linker.defaultLookup().findOrThrow(name), FunctionDescriptor.of(result, parameters));
  }
}
