package dev.stowage.maven;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.maven.execution.MavenSession;
import org.apache.maven.plugin.MojoExecutionException;
import org.apache.maven.toolchain.Toolchain;
import org.apache.maven.toolchain.ToolchainManager;

/**
 * A Java installation new enough for the compiler, found without starting one.
 *
 * @param java its launcher
 * @param origin why it was taken
 */
record Jdk(Path java, String origin) {
  private static final int OLDEST = 25;

  /** Folders whose children are Java installations. */
  private static final List<String> SHELVES =
      List.of(
          "/usr/lib/jvm",
          "/usr/java",
          "/opt/java",
          "/opt",
          "~/.sdkman/candidates/java",
          "~/.jdks",
          "/Library/Java/JavaVirtualMachines");

  /**
   * Takes the first that is new enough of: the one the project names, a toolchain, the
   * environment's, Maven's own, what lies in the usual folders.
   *
   * @param named the project's wish, or null
   */
  static Jdk find(File named, ToolchainManager toolchains, MavenSession session)
      throws MojoExecutionException {
    if (named != null) {
      return at(named.toPath(), "stowage.jdk")
          .orElseThrow(
              () ->
                  new MojoExecutionException(
                      "stowage.jdk is "
                          + named
                          + ", which is no JDK of version "
                          + OLDEST
                          + " or newer"));
    }
    for (var toolchain : toolchains(toolchains, session)) {
      String java = toolchain.findTool("java");
      if (java != null) {
        var found = at(Path.of(java).toAbsolutePath().getParent().getParent(), "a toolchain");
        if (found.isPresent()) {
          return found.get();
        }
      }
    }
    for (var name : List.of("STOWAGE_JAVA_HOME", "JAVA_HOME")) {
      String home = System.getenv(name);
      var found = home == null || home.isBlank() ? Optional.<Jdk>empty() : at(Path.of(home), name);
      if (found.isPresent()) {
        return found.get();
      }
    }
    var own = at(Path.of(System.getProperty("java.home")), "Maven's own Java");
    if (own.isPresent()) {
      return own.get();
    }
    for (var home : shelved()) {
      var found = at(home, home.getParent().toString());
      if (found.isPresent()) {
        return found.get();
      }
    }
    throw new MojoExecutionException(
        "Stowage needs a JDK of version "
            + OLDEST
            + " or newer to run its compiler, and found none: install one, and name its folder with"
            + " -Dstowage.jdk=FOLDER, JAVA_HOME or a toolchain");
  }

  private static List<Toolchain> toolchains(ToolchainManager manager, MavenSession session) {
    var all = new ArrayList<Toolchain>();
    var chosen = manager.getToolchainFromBuildContext("jdk", session);
    if (chosen != null) {
      all.add(chosen);
    }
    all.addAll(manager.getToolchains(session, "jdk", Map.of("version", "[" + OLDEST + ",)")));
    return all;
  }

  private static List<Path> shelved() {
    var homes = new ArrayList<Path>();
    for (var shelf : SHELVES) {
      var folder = Path.of(shelf.replaceFirst("^~", System.getProperty("user.home")));
      if (Files.isDirectory(folder)) {
        try (Stream<Path> children = Files.list(folder)) {
          children.sorted().forEach(homes::add);
        } catch (IOException e) {
          continue; // not ours to read
        }
      }
    }
    return homes;
  }

  /** The installation in a folder, if it is one and new enough. */
  static Optional<Jdk> at(Path home, String origin) {
    for (var folder : List.of(home, home.resolve("Contents").resolve("Home"))) {
      var java = folder.resolve("bin").resolve(windows() ? "java.exe" : "java");
      if (Files.isExecutable(java) && version(folder) >= OLDEST) {
        return Optional.of(new Jdk(java, origin));
      }
    }
    return Optional.empty();
  }

  private static boolean windows() {
    return System.getProperty("os.name").toLowerCase(Locale.ROOT).startsWith("windows");
  }

  /** The feature version that a folder's {@code release} file tells; 0 if it tells none. */
  private static int version(Path home) {
    try {
      for (var line : Files.readAllLines(home.resolve("release"))) {
        if (line.startsWith("JAVA_VERSION=\"")) {
          return Integer.parseInt(line.substring(14).split("[^0-9]", 2)[0]);
        }
      }
      return 0;
    } catch (IOException | NumberFormatException e) {
      return 0;
    }
  }
}
