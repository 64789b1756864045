package dev.stowage.plan.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.stowage.plan.Schedule;
import dev.stowage.plan.SplitPlan;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StowPlanFileTest {
  @TempDir Path folder;

  private static StowPlan stowPlan() throws PlanFormatException {
    return new StowPlan(
        SplitPlan.plan(), new Schedule(new Schedule.Order.ZigZag(), 1, List.of("drive[0]")));
  }

  @Test
  void readsWhatItWrote() throws Exception {
    var file = folder.resolve("split.stowplan");
    StowPlanFile.write(file, stowPlan());
    assertEquals(stowPlan(), StowPlanFile.read(file));
    try (var files = Files.list(folder)) {
      assertEquals(List.of(file), files.toList(), "no temporary file stays");
    }
  }

  @Test
  void writesEqualPlansAsEqualBytes() throws Exception {
    assertArrayEquals(StowPlanFile.bytes(stowPlan()), StowPlanFile.bytes(stowPlan()));
  }

  @Test
  void replacesAFileAsAWhole() throws Exception {
    var file = folder.resolve("split.stowplan");
    Files.writeString(file, "old");
    StowPlanFile.write(file, stowPlan());
    assertArrayEquals(StowPlanFile.bytes(stowPlan()), Files.readAllBytes(file));
  }

  @Test
  void refusesWhatIsNoStowplan() throws IOException {
    refuses("x.stowplan: not a .stowplan: its first line is not 'stowplan 1'", new byte[0]);
    refuses(
        "x.stowplan: not a .stowplan: its first line is not 'stowplan 1'",
        "plan \"x\"\n".getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void refusesOtherVersions() throws Exception {
    var text = new String(StowPlanFile.bytes(stowPlan()), StandardCharsets.UTF_8);
    refuses(
        "x.stowplan: a .stowplan of version '2'; this Stowage reads version 1, so compile the plan again",
        text.replaceFirst("stowplan 1", "stowplan 2").getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void refusesEveryTruncation() throws Exception {
    var bytes = StowPlanFile.bytes(stowPlan());
    for (int length = 11; length < bytes.length; length += 97) {
      refuses(
          "x.stowplan: truncated: its last line is not its digest ('sha256 …'); compile the plan again",
          Arrays.copyOf(bytes, length));
    }
  }

  @Test
  void refusesAnEditedFile() throws Exception {
    var text = new String(StowPlanFile.bytes(stowPlan()), StandardCharsets.UTF_8);
    refuses(
        "x.stowplan: damaged or edited: its digest does not match; compile the plan again",
        text.replaceFirst("prefetch 1", "prefetch 0").getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void refusesATextThatDoesNotParseThoughItsDigestMatches() throws Exception {
    refuses(
        "x.stowplan: line 3: expected 'hf', 'gguf' or 'shape', found 'onnx'",
        signed("model hf", "model onnx"));
  }

  @Test
  void refusesAPlanThatCannotRunThoughItsDigestMatches() throws Exception {
    refuses(
        "x.stowplan: cannot run: mlp.up of layer 0: rows 7..8 lie nowhere (and 2 more)",
        signed("mlp.up layers 0..2 rows 0..8", "mlp.up layers 0..2 rows 0..7"));
    refuses(
        "x.stowplan: cannot run: prefetch: 2 stops ahead need 3 slots, ring has 2",
        signed("prefetch 1", "prefetch 2"));
  }

  @Test
  void refusesAFileThatIsTooLarge() throws Exception {
    var file = folder.resolve("x.stowplan");
    try (var channel =
        java.nio.channels.FileChannel.open(
            file,
            java.nio.file.StandardOpenOption.CREATE_NEW,
            java.nio.file.StandardOpenOption.WRITE)) {
      channel.write(java.nio.ByteBuffer.wrap(new byte[1]), (64L << 20) + 10);
    }
    var e = assertThrows(PlanFormatException.class, () -> StowPlanFile.read(file));
    assertEquals("x.stowplan: larger than the 64 MiB that a .stowplan may have", e.getMessage());
  }

  @Test
  void failsToReadAFileThatIsNotThere() {
    assertThrows(
        NoSuchFileException.class, () -> StowPlanFile.read(folder.resolve("none.stowplan")));
  }

  private byte[] signed(String from, String to) throws Exception {
    var text = new String(StowPlanFile.bytes(stowPlan()), StandardCharsets.UTF_8);
    var body = text.substring(0, text.indexOf("sha256 ")).replace(from, to);
    var digest = MessageDigest.getInstance("SHA-256").digest(body.getBytes(StandardCharsets.UTF_8));
    return (body + "sha256 " + HexFormat.of().formatHex(digest) + "\n")
        .getBytes(StandardCharsets.UTF_8);
  }

  private void refuses(String message, byte[] bytes) throws IOException {
    var file = folder.resolve("x.stowplan");
    Files.write(file, bytes);
    var e = assertThrows(PlanFormatException.class, () -> StowPlanFile.read(file));
    assertEquals(message, e.getMessage());
  }
}
