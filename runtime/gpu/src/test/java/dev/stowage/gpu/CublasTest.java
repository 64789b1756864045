package dev.stowage.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.stowage.plan.ElementType;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.kernel.RandomData;
import dev.stowage.runtime.kernel.reference.ReferenceKernels;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** cuBLAS is called as it is defined: by a library of the same functions that works on the host. */
class CublasTest {
  private static final long STREAM = 0x1234;

  @TempDir static Path folder;
  private static String library;

  @BeforeAll
  static void build() throws InterruptedException {
    var built = folder.resolve("libcublas.so.12");
    try {
      var compiler =
          new ProcessBuilder(
                  "g++",
                  "-shared",
                  "-fPIC",
                  "-O1",
                  "-w",
                  "src/test/cpp/cublas.cpp",
                  "-o",
                  built.toString())
              .inheritIO()
              .start();
      assertEquals(0, compiler.waitFor());
    } catch (IOException e) {
      Assumptions.abort("there is no g++ to build a libcublas with");
    }
    library = Files.exists(built) ? built.toString() : null;
  }

  @Test
  void productsAreThoseOfRowsWhateverTheirDistance() {
    try (var cublas = Cublas.find(List.of("libnosuch.so.13", library), STREAM).orElseThrow();
        var arena = Arena.ofConfined()) {
      var data = new RandomData(arena);
      for (var type : ElementType.single()) {
        int rows = data.between(1, 9);
        int k = data.between(1, 40);
        int n = data.between(1, 20);
        int xStride = k + data.between(0, 3);
        int outStride = n + data.between(0, 3);
        var x = data.rows(type, 0, rows, xStride, 1);
        var w = data.rows(type, 0, n, k, 1);
        var out = data.floats((long) rows * outStride);
        var expected = data.copy(out);
        var wide = arena.allocate(4L * rows * xStride, 64);
        var reference = new ReferenceKernels();
        reference.widen(x, 0, type.rowBytes(xStride), type, wide, 0, 4L * xStride, rows, xStride);
        reference.matmul(
            wide, 0, 4L * xStride, w, 0, type, null, 0, expected, 0, 4L * outStride, rows, k, 0, n);
        cublas.product(
            type, x.address(), xStride, w.address(), out.address(), outStride, rows, k, n);
        for (int i = 0; i < rows * outStride; i++) {
          assertEquals(
              expected.get(ValueLayout.JAVA_FLOAT, 4L * i),
              out.get(ValueLayout.JAVA_FLOAT, 4L * i),
              1e-4f,
              "%s, %d x %d x %d, number %d (%s)".formatted(type, rows, k, n, i, data));
        }
      }
    }
  }

  @Test
  void whatTheLibraryRefusesIsAnError() {
    try (var cublas = Cublas.find(List.of(library), STREAM).orElseThrow()) {
      var e =
          assertThrows(
              DeviceException.class,
              () -> cublas.product(ElementType.F32, 16, 4, 16, 16, 3, 1, 4, 4));
      assertEquals("gpu: cuBLAS could not multiply: status 7", e.getMessage());
    }
    var e =
        assertThrows(
            DeviceException.class, () -> Cublas.find(List.of(library), 0L).orElseThrow().close());
    assertEquals("gpu: cuBLAS could not take a stream: status 1", e.getMessage());
  }

  @Test
  void aMachineWithoutItHasNone() {
    assertEquals(Optional.empty(), Cublas.find(List.of("libnosuch.so.13"), STREAM));
  }
}
