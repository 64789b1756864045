package dev.stowage.maven;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What earlier builds made of what: for every command that went well the digests of all it read and
 * wrote. A ledger that cannot be read is an empty one.
 */
final class Ledger {
  private final Path file;
  private final Map<String, Object> entries = new TreeMap<>();

  private Ledger(Path file) {
    this.file = file;
  }

  static Ledger open(Path file) {
    var ledger = new Ledger(file);
    try {
      for (var entry : Json.object(Json.read(Files.readString(file))).entrySet()) {
        ledger.entries.put(entry.getKey(), Json.object(entry.getValue()));
      }
    } catch (IOException | IllegalArgumentException e) {
      ledger.entries.clear();
    }
    return ledger;
  }

  /** Whether a command was carried out, and all that it read and wrote is as it was then. */
  boolean holds(String command) {
    if (!entries.containsKey(command)) {
      return false;
    }
    for (var entry : Json.object(entries.get(command)).entrySet()) {
      if (!Digest.of(Path.of(entry.getKey())).equals(entry.getValue())) {
        return false;
      }
    }
    return true;
  }

  /**
   * Notes a command that went well.
   *
   * @param files all that it read and wrote
   */
  void note(String command, Collection<Path> files) {
    var digests = new LinkedHashMap<String, Object>();
    for (var path : new TreeSet<>(files)) {
      digests.put(path.toString(), Digest.of(path));
    }
    entries.put(command, digests);
  }

  /** The commands that are noted. */
  Set<String> commands() {
    return Set.copyOf(entries.keySet());
  }

  /** Forgets all commands but these. */
  void keep(Collection<String> commands) {
    entries.keySet().retainAll(commands);
  }

  void save() throws IOException {
    Files.createDirectories(file.getParent());
    var written = Files.createTempFile(file.getParent(), "ledger", ".new");
    Files.writeString(written, Json.write(entries));
    Files.move(written, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
  }
}
