package dev.stowage.dsl;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;
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
    return List.of(
        "lib:csd/instinfer",
        "lib:csd/smartssd",
        "lib:generic/host",
        "lib:nvidia/a10",
        "lib:nvidia/a100",
        "lib:nvidia/a6000",
        "lib:nvidia/h100",
        "lib:nvidia/h200",
        "lib:nvidia/rtx3090",
        "lib:nvidia/rtx4090",
        "lib:nvidia/t4",
        "lib:storage/nvme");
  }

  /** The entry that declares each device type, by the type's name as plans write it. */
  public static Map<String, String> types() {
    return Types.ENTRIES;
  }

  /** The types of cards that an entry declares, in its order, as plans write them. */
  public static List<String> cards(String entry) {
    var text = Types.text(entry);
    var library = Pattern.compile("^library (\\w+)", Pattern.MULTILINE).matcher(text);
    if (!library.find()) {
      return List.of();
    }
    return Pattern.compile("^device gpu (\\w+)", Pattern.MULTILINE)
        .matcher(text)
        .results()
        .map(card -> library.group(1) + "." + card.group(1))
        .toList();
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
    URL url = Library.class.getResource(resource(imported));
    return Optional.ofNullable(url).map(found -> URI.createURI(found.toString()));
  }

  /** Read once, when somebody asks: a line that starts with {@code device} declares a type. */
  private static final class Types {
    private static final Pattern DECLARATION =
        Pattern.compile("^(?:library (\\w+)|device \\w+ (\\w+))", Pattern.MULTILINE);
    static final Map<String, String> ENTRIES = read();

    private static Map<String, String> read() {
      var types = new TreeMap<String, String>();
      for (String entry : entries()) {
        String library = "";
        var found = DECLARATION.matcher(text(entry));
        while (found.find()) {
          if (found.group(1) != null) {
            library = found.group(1);
          } else {
            types.put(library + "." + found.group(2), entry);
          }
        }
      }
      return Collections.unmodifiableMap(types);
    }

    private static String text(String entry) {
      try (InputStream in = Library.class.getResourceAsStream(resource(entry))) {
        return new String(in.readAllBytes(), StandardCharsets.UTF_8);
      } catch (IOException e) {
        throw new UncheckedIOException("the library lost " + entry, e);
      }
    }
  }

  private static String resource(String entry) {
    return FOLDER + entry.substring(SCHEME.length()) + ".stow";
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
