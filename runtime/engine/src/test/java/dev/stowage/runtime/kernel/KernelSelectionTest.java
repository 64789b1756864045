package dev.stowage.runtime.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.runtime.kernel.reference.ReferenceKernels;
import dev.stowage.runtime.kernel.vector.VectorKernels;
import dev.stowage.runtime.parallel.WorkerPool;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

final class KernelSelectionTest {

  @Test
  void takesSimdWhereTheModuleIsPresentAndSaysSo() {
    try (var pool = new WorkerPool(2)) {
      var selection = KernelSelection.best(pool);
      assertTrue(selection.kernels() instanceof VectorKernels, selection.reason());
      assertTrue(selection.reason().contains("is present"), selection.reason());
      assertTrue(selection.kernels().description().endsWith("2 threads"));
    }
  }

  @Test
  void takesTheReferenceInAProcessWithoutTheModuleAndSaysHowToChangeThat() throws Exception {
    var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    var process =
        new ProcessBuilder(
                java, "-cp", System.getProperty("java.class.path"), WithoutModule.class.getName())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    var printed = new String(process.getInputStream().readAllBytes()).strip();
    assertEquals(0, process.waitFor(), printed);
    assertTrue(printed.startsWith(ReferenceKernels.class.getName()), printed);
    assertTrue(printed.endsWith("Start Java with --add-modules jdk.incubator.vector."), printed);
  }

  @Test
  void doesWithoutMachineCodeInAProcessThatMayCallNone() throws Exception {
    var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    var process =
        new ProcessBuilder(
                java,
                "--add-modules=jdk.incubator.vector",
                "--illegal-native-access=deny",
                "-cp",
                System.getProperty("java.class.path"),
                WithoutMachineCode.class.getName())
            .redirectErrorStream(true)
            .start();
    var printed = new String(process.getInputStream().readAllBytes()).strip();
    assertEquals(0, process.waitFor(), printed);
    assertTrue(printed.lines().anyMatch(line -> line.startsWith("vector, ")), printed);
  }

  /** Prints what computes in a process of its own. */
  static final class WithoutMachineCode {
    private WithoutMachineCode() {}

    public static void main(String[] arguments) {
      try (var pool = new WorkerPool(1)) {
        System.out.println(KernelSelection.best(pool).kernels().description());
      }
    }
  }

  /** Prints the selection of a process of its own. */
  static final class WithoutModule {
    private WithoutModule() {}

    public static void main(String[] arguments) {
      try (var pool = new WorkerPool(1)) {
        var selection = KernelSelection.best(pool);
        System.out.println(selection.kernels().getClass().getName() + " " + selection.reason());
      }
    }
  }
}
