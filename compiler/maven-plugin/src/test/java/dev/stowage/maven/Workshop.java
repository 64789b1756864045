package dev.stowage.maven;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A folder with the projects of {@code src/it}, and a local repository that sees all libraries of
 * the machine's own, but of Stowage only what this build made: builds of several checkouts do not
 * meet, and nothing is installed.
 */
final class Workshop {
  private static final Path ROOT = Path.of("../..").toAbsolutePath().normalize();
  private static final List<String> MODULES =
      List.of(
          "dsl",
          "runtime/plan",
          "optimizer",
          "compiler",
          "runtime/engine",
          "csd-backend",
          "runtime/gpu",
          "runtime/cli",
          "compiler/maven-plugin");
  private static final String VERSION = System.getProperty("stowage.version");
  private static final long PATIENCE_MINUTES = 5;

  private final Path folder;
  private final Path repository;

  private Workshop(Path folder) {
    this.folder = folder;
    repository = folder.resolve("repository");
  }

  /** Lays the projects out anew. */
  static Workshop open(Path folder) throws IOException {
    var workshop = new Workshop(folder.toAbsolutePath().normalize());
    delete(workshop.folder);
    Files.createDirectories(workshop.folder.resolve(".mvn")); // not ours, further up
    workshop.stock();
    workshop.copy(Path.of("src/it"), workshop.folder);
    return workshop;
  }

  Path folder() {
    return folder;
  }

  Path project(String name) {
    return folder.resolve(name);
  }

  Path root() {
    return ROOT;
  }

  /** Copies projects, with what this machine and build are put into their texts. */
  void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (var file : (Iterable<Path>) files::iterator) {
        var target = to.resolve(from.relativize(file).toString());
        if (Files.isDirectory(file)) {
          Files.createDirectories(target);
        } else if (file.toString().matches(".*\\.(xml|stow|java|md)")) {
          Files.writeString(
              target,
              Files.readString(file)
                  .replace("@stowage.version@", VERSION)
                  .replace("@models@", ROOT.resolve("examples/models").toString()));
        } else {
          Files.copy(file, target, StandardCopyOption.REPLACE_EXISTING);
        }
      }
    }
  }

  /** What a build did. */
  record Built(int exit, String log) {
    Built succeeds() {
      if (exit != 0) {
        throw new AssertionError("the build failed:\n" + log);
      }
      return this;
    }

    Built fails() {
      if (exit == 0) {
        throw new AssertionError("the build did not fail:\n" + log);
      }
      return this;
    }

    Built says(String... texts) {
      for (var text : texts) {
        if (!log.contains(text)) {
          throw new AssertionError("'" + text + "' is not said in:\n" + log);
        }
      }
      return this;
    }

    long lines(String text) {
      return log.lines().filter(line -> line.contains(text)).count();
    }
  }

  /** Builds in a folder, with the Maven and Java that run this test. */
  Built maven(Path directory, String... arguments) throws IOException, InterruptedException {
    return maven(Path.of(System.getProperty("java.home")), directory, arguments);
  }

  /** Builds in a folder with the Maven that runs this test and some Java. */
  Built maven(Path java, Path directory, String... arguments)
      throws IOException, InterruptedException {
    boolean windows = System.getProperty("os.name").startsWith("Windows");
    var line = new ArrayList<String>();
    line.add(
        Path.of(System.getProperty("stowage.maven.home"), "bin", windows ? "mvn.cmd" : "mvn")
            .toString());
    line.addAll(
        List.of("--batch-mode", "--no-transfer-progress", "-Dmaven.repo.local=" + repository));
    if (System.getProperty("stowage.offline", "").endsWith("true")) {
      line.add("--offline");
    }
    line.addAll(Arrays.asList(arguments));
    var log = Files.createTempFile(folder, "build-", ".log");
    var builder =
        new ProcessBuilder(line)
            .directory(directory.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    builder.environment().put("JAVA_HOME", java.toString());
    builder.environment().put("STOWAGE_JAVA_HOME", System.getProperty("java.home"));
    builder.environment().remove("MAVEN_OPTS");
    builder.environment().remove("MAVEN_ARGS");
    var process = builder.start();
    if (!process.waitFor(PATIENCE_MINUTES, TimeUnit.MINUTES)) {
      process.destroyForcibly();
      throw new AssertionError("still building:\n" + Files.readString(log));
    }
    return new Built(
        process.exitValue(),
        new String(Files.readAllBytes(log), StandardCharsets.UTF_8)
            .replaceAll("\u001b\\[[0-9;]*m", ""));
  }

  /** A Java older than the compiler needs, such as many Mavens are run by. */
  static Optional<Path> java17() throws IOException {
    var shelf = Path.of("/usr/lib/jvm");
    if (!Files.isDirectory(shelf)) {
      return Optional.empty();
    }
    try (Stream<Path> homes = Files.list(shelf)) {
      return homes
          .sorted()
          .filter(home -> Files.isExecutable(home.resolve("bin/java")))
          .filter(Workshop::isJava17)
          .findFirst();
    }
  }

  private static boolean isJava17(Path home) {
    try {
      return Files.readString(home.resolve("release")).contains("JAVA_VERSION=\"17");
    } catch (IOException e) {
      return false;
    }
  }

  /** Replaces a text in a file. */
  static void edit(Path file, String from, String to) throws IOException {
    var text = Files.readString(file);
    if (!text.contains(from)) {
      throw new AssertionError(file + " has no " + from);
    }
    Files.writeString(file, text.replace(from, to));
  }

  /**
   * Makes the repository: links to the machine's own, and what this build made in the layout of a
   * local repository.
   */
  private void stock() throws IOException {
    Files.createDirectories(repository.resolve("dev"));
    link(Path.of(System.getProperty("stowage.repository")), repository, "dev");
    link(
        Path.of(System.getProperty("stowage.repository"), "dev"),
        repository.resolve("dev"),
        "stowage");
    put("stowage", ROOT.resolve("pom.xml"), "pom");
    for (var module : MODULES) {
      String artifact =
          "stowage-" + (module.equals("csd-backend") ? "csd" : module.replaceFirst(".*/", ""));
      put(artifact, ROOT.resolve(module).resolve("pom.xml"), "pom");
      put(
          artifact,
          ROOT.resolve(module).resolve("target").resolve(artifact + "-" + VERSION + ".jar"),
          "jar");
    }
  }

  private static void link(Path from, Path to, String except) throws IOException {
    if (!Files.isDirectory(from)) {
      return;
    }
    try (Stream<Path> children = Files.list(from)) {
      for (var child : (Iterable<Path>) children::iterator) {
        String name = child.getFileName().toString();
        if (!name.equals(except) && Files.isDirectory(child)) {
          Files.createSymbolicLink(to.resolve(name), child.toAbsolutePath());
        }
      }
    }
  }

  private void put(String artifact, Path file, String extension) throws IOException {
    var folder = repository.resolve("dev/stowage").resolve(artifact).resolve(VERSION);
    Files.createDirectories(folder);
    Files.copy(file, folder.resolve(artifact + "-" + VERSION + "." + extension));
  }

  /** Deletes a folder; links in it, not what they lead to. */
  private static void delete(Path folder) throws IOException {
    if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    try (Stream<Path> files = Files.walk(folder)) {
      files
          .sorted(Comparator.reverseOrder())
          .forEach(
              file -> {
                try {
                  Files.delete(file);
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
    }
  }
}
