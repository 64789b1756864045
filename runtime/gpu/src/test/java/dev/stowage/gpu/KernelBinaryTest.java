package dev.stowage.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

/** The fat binary in the jar is the kernels' sources, compiled. */
class KernelBinaryTest {
  private static final Path CUDA = Path.of("src", "main", "cuda");
  private static final Path RESOURCES =
      Path.of("src", "main", "resources", "dev", "stowage", "gpu");

  @Test
  void wasBuiltFromTheSourcesAsTheyAre() throws Exception {
    var recorded = recorded();
    var sources = MessageDigest.getInstance("SHA-256");
    try (var headers = Files.newDirectoryStream(CUDA, "*.cuh")) {
      for (var header :
          new TreeSet<>(StreamSupport.stream(headers.spliterator(), false).toList())) {
        sources.update(Files.readAllBytes(header));
      }
    }
    sources.update(Files.readAllBytes(CUDA.resolve("kernels.cu")));
    assertEquals(
        recorded.get("sources"),
        HexFormat.of().formatHex(sources.digest()),
        "the kernels have changed since src/main/cuda/build.sh ran");
    assertEquals(recorded.get("binary"), digest(RESOURCES.resolve("kernels.fatbin")));
  }

  @Test
  void isAFatBinaryOfModestSize() throws IOException {
    var bytes = Files.readAllBytes(RESOURCES.resolve("kernels.fatbin"));
    assertEquals(
        0xba55ed50, ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(), "its magic");
    assertTrue(bytes.length < 1 << 21, () -> bytes.length + " bytes");
  }

  /**
   * Takes a minute or more, so it runs where it is asked for: {@code -Dstowage.kernels=rebuild}.
   */
  @Test
  void compilesToTheRecordedPtx() throws Exception {
    assumeTrue(
        "rebuild".equals(System.getProperty("stowage.kernels")), "not asked to rebuild kernels");
    var process =
        new ProcessBuilder("sh", CUDA.resolve("build.sh").toString(), "--ptx")
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    var line = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    assertEquals(0, process.waitFor());
    assertEquals("ptx " + recorded().get("ptx"), line);
  }

  private static Map<String, String> recorded() throws IOException {
    var digests = new HashMap<String, String>();
    for (var line : Files.readAllLines(RESOURCES.resolve("kernels.sha256"))) {
      digests.put(line.split(" ")[0], line.split(" ")[1]);
    }
    return digests;
  }

  private static String digest(Path file) throws IOException, NoSuchAlgorithmException {
    return HexFormat.of()
        .formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
  }
}
