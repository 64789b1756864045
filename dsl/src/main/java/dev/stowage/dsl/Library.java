package dev.stowage.dsl;

import java.net.URL;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.eclipse.emf.common.util.URI;

/**
 * The device library that ships with the language: {@code lib:maker/name} names one of its files.
 */
public final class Library {
  private static final String SCHEME = "lib:";
  private static final String FOLDER = "/dev/stowage/dsl/library/";

  private Library() {}

  /** Every entry, as written in an import. */
  public static List<String> entries() {
    return List.of("lib:csd/instinfer", "lib:generic/host", "lib:nvidia/a6000", "lib:nvidia/t4");
  }

  /** Whether an import asks for the library. */
  static boolean isEntry(String imported) {
    return imported.startsWith(SCHEME);
  }

  /** Where an entry's text is, if there is such an entry. */
  static Optional<URI> find(String imported) {
    if (!entries().contains(imported)) {
      return Optional.empty();
    }
    URL url = Library.class.getResource(FOLDER + imported.substring(SCHEME.length()) + ".stow");
    return Optional.ofNullable(url).map(found -> URI.createURI(found.toString()));
  }

  /** A resource's name for people: {@code lib:maker/name}, or an absolute path. */
  static String displayName(URI uri) {
    String text = uri.toString();
    int folder = text.lastIndexOf(FOLDER);
    if (folder >= 0 && text.endsWith(".stow")) {
      return SCHEME + text.substring(folder + FOLDER.length(), text.length() - ".stow".length());
    }
    if (!uri.isFile()) {
      return text;
    }
    try {
      return Path.of(uri.toFileString()).toAbsolutePath().normalize().toString();
    } catch (InvalidPathException e) {
      return text;
    }
  }
}
