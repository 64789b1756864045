package dev.stowage.runtime.kernel.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CpuTest {
  @TempDir private Path folder;

  private static final String WIDE = "avx512f avx512dq avx512bw avx512vl";

  @ParameterizedTest
  @CsvSource({
    "fpu sse2 avx2 f16c fma, 1",
    "fpu sse2 avx2 f16c fma4, 0",
    "avx512_fma avx2 f16c, 0",
    "avx2 fma f16c WIDE avx512_vnni, 2",
    "avx2 fma f16c WIDE, 1",
    "WIDE avx512_vnni, 0",
    "'', 0"
  })
  void allOfTheNeededFlagsMustBeThere(String flags, int widths) throws Exception {
    var info = folder.resolve("cpuinfo");
    var told = flags.replace("WIDE", WIDE);
    Files.writeString(info, "processor\t: 0\nflags\t\t: %s\nbugs\t: fma\n".formatted(told));
    assertEquals(Arrays.asList(Width.values()).subList(0, widths), Cpu.widths(info));
  }

  @Test
  void aSystemThatDoesNotTellIsNotSupported() throws Exception {
    assertEquals(List.of(), Cpu.widths(folder.resolve("missing")));
    var info = folder.resolve("cpuinfo");
    Files.writeString(info, "Features\t: fp asimd\n");
    assertEquals(List.of(), Cpu.widths(info));
  }
}
