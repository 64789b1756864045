package dev.stowage.lsp;

import com.google.inject.Singleton;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Gives the entries of the device library and the pages of the codes, which lie inside a jar, a
 * place where an editor can open them: read-only copies in a scratch folder that goes when the
 * server ends.
 */
@Singleton
public class LibraryFiles {
  private final Map<String, String> copies = new HashMap<>();

  /** The address itself, or that of a copy when it points into a jar. */
  synchronized String openable(String uri) {
    return uri.startsWith("jar:") ? copies.computeIfAbsent(uri, LibraryFiles::copy) : uri;
  }

  private static String copy(String uri) {
    try (InputStream in = URI.create(uri).toURL().openStream()) {
      Path folder = Files.createTempDirectory("stowage-library-");
      folder.toFile().deleteOnExit();
      Path copy = folder.resolve(uri.substring(uri.lastIndexOf('/') + 1));
      Files.copy(in, copy);
      copy.toFile().deleteOnExit();
      if (!copy.toFile().setReadOnly()) {
        throw new IOException("cannot make " + copy + " read-only");
      }
      return copy.toUri().toString();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot copy " + uri, e);
    }
  }
}
