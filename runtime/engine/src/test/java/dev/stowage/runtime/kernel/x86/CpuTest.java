package dev.stowage.runtime.kernel.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CpuTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource({
    "fpu sse2 avx2 f16c fma, true",
    "fpu sse2 avx2 f16c fma4, false",
    "avx512_fma avx2 f16c, false",
    "'', false"
  })
  void allOfTheNeededFlagsMustBeThere(String flags, boolean supported) throws Exception {
    var info = folder.resolve("cpuinfo");
    Files.writeString(info, "processor\t: 0\nflags\t\t: %s\nbugs\t: fma\n".formatted(flags));
    assertEquals(supported, Cpu.isSupported(info));
  }

  @Test
  void aSystemThatDoesNotTellIsNotSupported() throws Exception {
    assertFalse(Cpu.isSupported(folder.resolve("missing")));
    var info = folder.resolve("cpuinfo");
    Files.writeString(info, "Features\t: fp asimd\n");
    assertFalse(Cpu.isSupported(info));
  }
}
