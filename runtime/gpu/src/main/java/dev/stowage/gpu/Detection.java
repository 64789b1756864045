package dev.stowage.gpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;

/**
 * Whether this machine has a GPU that Stowage can use. Asks the driver's library through the
 * Foreign Function API alone and never throws: what is missing is one line for the user.
 */
public sealed interface Detection {
  /** The library that every NVIDIA driver for Linux brings. */
  String LIBRARY = "libcuda.so.1";

  /** The CUDA version whose driver loads our kernels: 1000 · major + 10 · minor. */
  int REQUIRED_DRIVER = 13_000;

  /**
   * GPUs that can be used.
   *
   * @param devices how many, 1 or more
   * @param driver the CUDA version of the driver: 1000 · major + 10 · minor
   */
  record Found(int devices, int driver) implements Detection {}

  /**
   * Nothing that can be used.
   *
   * @param reason what is missing, in one line
   */
  record Missing(String reason) implements Detection {}

  /** Looks for GPUs. */
  static Detection detect() {
    return detect(LIBRARY);
  }

  /** Looks for GPUs by a driver library of another name. */
  @SuppressWarnings("restricted") // the driver's own library, and its functions as it defines them
  static Detection detect(String library) {
    try {
      return ask(SymbolLookup.libraryLookup(library, Arena.global()), library);
    } catch (IllegalArgumentException e) {
      return new Missing("there is no NVIDIA driver on this machine (%s)".formatted(library));
    } catch (Throwable e) {
      return new Missing("%s is no NVIDIA driver that can be asked: %s".formatted(library, e));
    }
  }

  @SuppressWarnings("restricted")
  private static Detection ask(SymbolLookup driver, String library) throws Throwable {
    var linker = Linker.nativeLinker();
    var takesInt = FunctionDescriptor.of(JAVA_INT, JAVA_INT);
    var yieldsInt = FunctionDescriptor.of(JAVA_INT, ADDRESS);
    for (var name : new String[] {"cuInit", "cuDeviceGetCount", "cuDriverGetVersion"}) {
      if (driver.find(name).isEmpty()) {
        return new Missing("%s is no NVIDIA driver: it has no %s".formatted(library, name));
      }
    }
    var init = linker.downcallHandle(driver.findOrThrow("cuInit"), takesInt);
    var count = linker.downcallHandle(driver.findOrThrow("cuDeviceGetCount"), yieldsInt);
    var version = linker.downcallHandle(driver.findOrThrow("cuDriverGetVersion"), yieldsInt);
    try (var arena = Arena.ofConfined()) {
      MemorySegment number = arena.allocate(JAVA_INT);
      int result = (int) init.invokeExact(0);
      if (result == 100) {
        return new Missing("the NVIDIA driver finds no GPU");
      }
      if (result != 0) {
        return new Missing("the NVIDIA driver does not start: error %d".formatted(result));
      }
      result = (int) version.invokeExact(number);
      int driverVersion = number.get(JAVA_INT, 0);
      if (result != 0 || driverVersion < REQUIRED_DRIVER) {
        return new Missing(
            "the NVIDIA driver is too old: it offers CUDA %s, and the kernels need %s (driver 580 or newer)"
                .formatted(text(driverVersion), text(REQUIRED_DRIVER)));
      }
      result = (int) count.invokeExact(number);
      int devices = number.get(JAVA_INT, 0);
      if (result != 0 || devices < 1) {
        return new Missing("the NVIDIA driver finds no GPU");
      }
      return new Found(devices, driverVersion);
    }
  }

  /** A CUDA version as people write it. */
  static String text(int version) {
    return "%d.%d".formatted(version / 1000, version % 1000 / 10);
  }
}
