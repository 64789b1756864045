package dev.stowage.gpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;

/**
 * A CUDA driver that plays a GPU on the CPU, built once from {@code src/test/cpp} and the kernels'
 * own sources with the system's compiler. It is loaded before anything asks for {@code
 * libcuda.so.1}, so that the detection, unmodified JCuda and the whole device code run as they
 * would on a GPU.
 */
public final class EmulatedDriver {
  /** What a driver can be told, in the order of {@code driver.cpp}. */
  public enum Setting {
    DEFAULTS,
    MEMORY,
    DEVICES,
    VERSION,
    BINARY_FITS,
    LAUNCHES_LEFT,
    COMPILED_FOR,
    CALLS_UNTIL_ONE_FAILS,
    CALLS_UNTIL_LOST,
    KERNELS_COMPUTE,
    GUARD
  }

  /** What a driver counts. */
  public enum Count {
    MEMORY,
    CONTEXTS,
    PINNED,
    STREAMS,
    EVENTS,
    LAUNCHES,
    MOST_MEMORY,
    CALLS
  }

  private static final Optional<EmulatedDriver> LOADED = load();

  private final MethodHandle set;
  private final MethodHandle count;

  @SuppressWarnings("restricted") // our own library
  private EmulatedDriver(Path library) {
    System.load(library.toString());
    var symbols = SymbolLookup.libraryLookup(library, Arena.global());
    var linker = Linker.nativeLinker();
    set =
        linker.downcallHandle(
            symbols.findOrThrow("stowage_emulated"),
            FunctionDescriptor.ofVoid(JAVA_INT, JAVA_LONG));
    count =
        linker.downcallHandle(
            symbols.findOrThrow("stowage_emulated_count"),
            FunctionDescriptor.of(JAVA_LONG, JAVA_INT));
  }

  /** The driver with its usual device; the test is skipped where no compiler can build it. */
  public static EmulatedDriver loaded() {
    Assumptions.assumeTrue(LOADED.isPresent(), "there is no g++ to build the emulated driver with");
    var driver = LOADED.get();
    driver.set(Setting.DEFAULTS, 0);
    return driver;
  }

  private static Optional<EmulatedDriver> load() {
    var here = Path.of("").toAbsolutePath();
    var module = // other modules' tests run beside this one
        Stream.of(".", "../runtime/gpu", "../gpu")
            .map(folder -> here.resolve(folder).normalize())
            .filter(folder -> Files.isDirectory(folder.resolve("src/main/cuda")))
            .findFirst()
            .orElseThrow();
    var sources = module.resolve("src/test/cpp/driver.cpp");
    var kernels = module.resolve("src/main/cuda");
    try {
      var folder = Files.createDirectories(module.resolve("target/emulated"));
      var library = folder.resolve("libcuda.so.1");
      if (!Files.exists(library)
          || older(library, sources.getParent())
          || older(library, kernels)) {
        var built = folder.resolve("libcuda.so.1." + ProcessHandle.current().pid());
        var command =
            List.of(
                "g++",
                "-std=c++17",
                "-O1",
                "-ffp-contract=off",
                "-shared",
                "-fPIC",
                "-w",
                "-Wl,-soname,libcuda.so.1",
                "-I",
                kernels.toString(),
                sources.toString(),
                "-o",
                built.toString(),
                "-ldl",
                "-pthread");
        Process compiler;
        try {
          compiler = new ProcessBuilder(command).inheritIO().start();
        } catch (IOException e) {
          System.err.println("the emulated GPU is not there: " + e.getMessage());
          return Optional.empty();
        }
        if (!compiler.waitFor(5, TimeUnit.MINUTES) || compiler.exitValue() != 0) {
          throw new IllegalStateException("g++ does not build the emulated driver");
        }
        Files.move(
            built,
            library,
            java.nio.file.StandardCopyOption.ATOMIC_MOVE,
            java.nio.file.StandardCopyOption.REPLACE_EXISTING);
      }
      return Optional.of(new EmulatedDriver(library));
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static boolean older(Path library, Path folder) throws IOException {
    var built = Files.getLastModifiedTime(library);
    try (var files = Files.list(folder)) {
      for (var file : files.toList()) {
        if (Files.getLastModifiedTime(file).compareTo(built) > 0) {
          return true;
        }
      }
    }
    return false;
  }

  public void set(Setting setting, long value) {
    try {
      set.invokeExact(setting.ordinal(), value);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Lets no kernel touch a page, see {@link dev.stowage.runtime.kernel.StagedKernels}. */
  public void guard(long page) {
    set(Setting.GUARD, page);
  }

  /** Fails unless all that was taken from the driver has been given back. */
  public void assertEverythingIsReleased(String when) {
    for (var what :
        new Count[] {Count.MEMORY, Count.CONTEXTS, Count.PINNED, Count.STREAMS, Count.EVENTS}) {
      Assertions.assertEquals(0, count(what), () -> what + " " + when);
    }
  }

  public long count(Count what) {
    return count(what.ordinal());
  }

  /** Most bytes of memory that a device had in use since the driver was told its defaults. */
  public long mostMemory(int device) {
    return count(Count.values().length + device);
  }

  private long count(int what) {
    try {
      return (long) count.invokeExact(what);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
