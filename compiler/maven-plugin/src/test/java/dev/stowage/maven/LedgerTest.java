package dev.stowage.maven;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What counts as changed since an earlier build. */
class LedgerTest {
  @TempDir Path folder;

  private Path write(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }

  private Path tensors(String header, String data) throws IOException {
    var bytes = (header + data).getBytes(StandardCharsets.UTF_8);
    var file =
        ByteBuffer.allocate(8 + bytes.length)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(header.length())
            .put(bytes);
    return Files.write(folder.resolve("model.safetensors"), file.array());
  }

  @Test
  void holdsUntilAFileChangesOrGoes() throws IOException {
    var plan = write("a.stow", "plan a");
    var output = write("a.stowplan", "…");
    var ledger = Ledger.open(folder.resolve("notes/ledger.json"));
    assertFalse(ledger.holds("compile a"));
    ledger.note("compile a", List.of(plan, output));
    ledger.save();
    var again = Ledger.open(folder.resolve("notes/ledger.json"));
    assertTrue(again.holds("compile a"));
    assertFalse(again.holds("compile b"));
    write("a.stow", "plan b");
    assertFalse(again.holds("compile a"));
    write("a.stow", "plan a");
    assertTrue(again.holds("compile a"));
    Files.delete(output);
    assertFalse(again.holds("compile a"));
  }

  @Test
  void aDamagedLedgerIsEmpty() throws IOException {
    for (var text : List.of("", "{", "[]", "{\"a\":1}", "{\"a\":{}")) {
      var file = write("ledger.json", text);
      assertEquals(Set.of(), Ledger.open(file).commands(), text);
    }
  }

  @Test
  void ofAModelOnlyHeadersAndConfigurationCount() throws IOException {
    write("config.json", "{}");
    write("tokenizer.json", "[1]");
    tensors("{\"w\":1}", "data");
    var digest = Digest.of(folder);
    tensors("{\"w\":1}", "DATA");
    write("tokenizer.json", "[2]");
    assertEquals(digest, Digest.of(folder));
    tensors("{\"w\":2}", "data");
    assertNotEquals(digest, Digest.of(folder));
    tensors("{\"w\":1}", "data");
    assertEquals(digest, Digest.of(folder));
    write("config.json", "{\"a\":1}");
    assertNotEquals(digest, Digest.of(folder));
  }

  @Test
  void whatIsNotThereIsMissing() {
    assertEquals("missing", Digest.of(folder.resolve("none")));
  }
}
