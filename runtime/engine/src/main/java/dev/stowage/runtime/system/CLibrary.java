package dev.stowage.runtime.system;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.NoSuchElementException;

/**
 * Functions of the C library by their documented signatures. Each throws {@link
 * UnsupportedOperationException} where there is no such function, or none may be called. To look
 * one up takes milliseconds, so those for memory and those for files are looked up apart, when the
 * first is called.
 */
final class CLibrary {
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
  private static final MemoryLayout ADDRESS = ValueLayout.ADDRESS;

  private CLibrary() {}

  /** Functions for memory. Those of type boolean say whether it was done. */
  static final class Memory {
    private static final MethodHandle MAP =
        find("mmap", ADDRESS, ADDRESS, LONG, INT, INT, INT, LONG);
    private static final MethodHandle UNMAP = find("munmap", INT, ADDRESS, LONG);
    private static final MethodHandle PROTECT = find("mprotect", INT, ADDRESS, LONG, INT);
    private static final MethodHandle ADVISE = find("madvise", INT, ADDRESS, LONG, INT);

    private Memory() {}

    /** A new private mapping, of address -1 where the system refuses it. */
    static MemorySegment map(long bytes, int protection, int flags) {
      try {
        return (MemorySegment)
            present(MAP).invokeExact(MemorySegment.NULL, bytes, protection, flags, -1, 0L);
      } catch (Throwable e) {
        throw thrown(e);
      }
    }

    static void unmap(MemorySegment memory, long bytes) {
      try {
        int ignored = (int) present(UNMAP).invokeExact(memory, bytes);
      } catch (Throwable e) {
        throw thrown(e);
      }
    }

    static boolean protect(MemorySegment memory, long bytes, int protection) {
      try {
        return (int) present(PROTECT).invokeExact(memory, bytes, protection) == 0;
      } catch (Throwable e) {
        throw thrown(e);
      }
    }

    static boolean advise(MemorySegment memory, long bytes, int advice) {
      try {
        return (int) present(ADVISE).invokeExact(memory, bytes, advice) == 0;
      } catch (Throwable e) {
        throw thrown(e);
      }
    }
  }

  /** Functions for files. Those of type boolean say whether it was done. */
  static final class Files {
    private static final MethodHandle OPEN = find("open", INT, ADDRESS, INT);
    private static final MethodHandle CLOSE = find("close", INT, INT);
    private static final MethodHandle ADVISE = find("posix_fadvise", INT, INT, LONG, LONG, INT);
    private static final MethodHandle ALLOCATE = find("fallocate", INT, INT, INT, LONG, LONG);

    private Files() {}

    /** A descriptor, negative where the file cannot be opened. */
    static int open(MemorySegment path, int flags) {
      try {
        return (int) present(OPEN).invokeExact(path, flags);
      } catch (Throwable e) {
        throw thrown(e);
      }
    }

    static void close(int descriptor) {
      try {
        int ignored = (int) present(CLOSE).invokeExact(descriptor);
      } catch (Throwable e) {
        throw thrown(e);
      }
    }

    static boolean advise(int descriptor, long offset, long bytes, int advice) {
      try {
        return (int) present(ADVISE).invokeExact(descriptor, offset, bytes, advice) == 0;
      } catch (Throwable e) {
        throw thrown(e);
      }
    }

    static boolean allocate(int descriptor, int mode, long offset, long bytes) {
      try {
        return (int) present(ALLOCATE).invokeExact(descriptor, mode, offset, bytes) == 0;
      } catch (Throwable e) {
        throw thrown(e);
      }
    }
  }

  /**
   * Null where there is none. What numbers mean that say what to do is Linux's choice, so elsewhere
   * nothing is found.
   */
  @SuppressWarnings("restricted") // calls of the C library by their documented signatures
  private static MethodHandle find(String name, MemoryLayout result, MemoryLayout... parameters) {
    if (!System.getProperty("os.name").equals("Linux")) {
      return null;
    }
    try {
      var linker = Linker.nativeLinker();
      return linker.downcallHandle(
          linker.defaultLookup().findOrThrow(name), FunctionDescriptor.of(result, parameters));
    } catch (IllegalCallerException | NoSuchElementException | UnsupportedOperationException e) {
      return null;
    }
  }

  private static MethodHandle present(MethodHandle function) {
    if (function == null) {
      throw new UnsupportedOperationException("functions of Linux cannot be called here");
    }
    return function;
  }

  private static RuntimeException thrown(Throwable e) {
    return switch (e) {
      case RuntimeException runtime -> runtime;
      case Error error -> throw error;
      default -> new IllegalStateException(e);
    };
  }
}
