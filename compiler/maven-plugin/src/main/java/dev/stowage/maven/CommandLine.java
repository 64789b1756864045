package dev.stowage.maven;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import org.apache.maven.plugin.MojoExecutionException;
import org.eclipse.aether.RepositorySystem;
import org.eclipse.aether.RepositorySystemSession;
import org.eclipse.aether.artifact.DefaultArtifact;
import org.eclipse.aether.collection.CollectRequest;
import org.eclipse.aether.graph.Dependency;
import org.eclipse.aether.repository.RemoteRepository;
import org.eclipse.aether.resolution.DependencyRequest;
import org.eclipse.aether.resolution.DependencyResolutionException;

/** The {@code stowage} command, run by a Java of its own. */
final class CommandLine {
  private static final String MAIN = "dev.stowage.cli.Main";

  private final Jdk jdk;
  private final List<Path> jars;
  private final Path folder;
  private final Path scratch;

  private CommandLine(Jdk jdk, List<Path> jars, Path folder, Path scratch) {
    this.jdk = jdk;
    this.jars = jars;
    this.folder = folder;
    this.scratch = scratch;
  }

  /**
   * Resolves the command line's jars as files.
   *
   * @param folder where commands run
   * @param scratch a folder for what starting one takes
   */
  static CommandLine resolve(
      String version,
      RepositorySystem system,
      RepositorySystemSession session,
      List<RemoteRepository> repositories,
      Jdk jdk,
      Path folder,
      Path scratch)
      throws MojoExecutionException {
    var artifact = new DefaultArtifact("dev.stowage", "stowage-cli", "jar", version);
    var collect = new CollectRequest(new Dependency(artifact, "runtime"), repositories);
    try {
      var jars =
          system
              .resolveDependencies(session, new DependencyRequest(collect, null))
              .getArtifactResults()
              .stream()
              .map(result -> result.getArtifact().getFile().toPath())
              .collect(Collectors.toList());
      return new CommandLine(jdk, jars, folder, scratch);
    } catch (DependencyResolutionException e) {
      throw new MojoExecutionException(
          "Stowage's command line cannot be resolved: " + e.getMessage(), e);
    }
  }

  /** Carries out many commands in one process; one answer for each, in their order. */
  List<Answer> batch(List<List<String>> commands) throws MojoExecutionException {
    try {
      var process = new ProcessBuilder(line(List.of("batch"), true)).directory(folder.toFile());
      var running = process.start();
      try {
        var out = CompletableFuture.supplyAsync(() -> lines(running.getInputStream()));
        var err = CompletableFuture.supplyAsync(() -> lines(running.getErrorStream()));
        try (var in = new OutputStreamWriter(running.getOutputStream(), StandardCharsets.UTF_8)) {
          for (var command : commands) {
            in.write(Json.write(command) + "\n");
          }
        } catch (IOException e) {
          // it ended early: its exit code and last words tell why
        }
        int exit = running.waitFor();
        var lines = out.join();
        if (exit != 0 || lines.size() != commands.size()) {
          throw new MojoExecutionException(
              "Stowage's command line ended with exit code "
                  + exit
                  + " after "
                  + lines.size()
                  + " of "
                  + commands.size()
                  + " commands: "
                  + String.join("\n", err.join()));
        }
        var answers = new ArrayList<Answer>();
        for (var line : lines) {
          answers.add(Answer.of(Json.object(Json.read(line)), folder));
        }
        return answers;
      } finally {
        running.destroy();
      }
    } catch (IOException | UncheckedIOException | IllegalArgumentException e) {
      throw new MojoExecutionException("Stowage's command line failed: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new MojoExecutionException("interrupted", e);
    }
  }

  /** Carries out one command that talks to the user; returns its exit code. */
  int run(List<String> command) throws MojoExecutionException {
    try {
      var process = new ProcessBuilder(line(command, false)).directory(folder.toFile());
      var running =
          process
              .redirectInput(ProcessBuilder.Redirect.INHERIT)
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      try {
        running.getInputStream().transferTo(System.out);
        System.out.flush();
        return running.waitFor();
      } finally {
        running.destroy();
      }
    } catch (IOException e) {
      throw new MojoExecutionException("Stowage's command line failed: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new MojoExecutionException("interrupted", e);
    }
  }

  private List<String> line(List<String> command, boolean brief) throws IOException {
    var options = new ArrayList<>(flags());
    if (brief) { // such a process lives for seconds
      options.add("-XX:TieredStopAtLevel=1");
      options.add("-XX:+UseSerialGC");
      options.add("-Xshare:auto");
    }
    options.add("-cp");
    options.add(
        quoted(
            jars.stream()
                .map(Path::toString)
                .collect(Collectors.joining(System.getProperty("path.separator")))));
    Files.createDirectories(scratch);
    var file = scratch.resolve("java.args");
    Files.writeString(file, String.join("\n", options) + "\n");
    var line = new ArrayList<String>();
    line.add(jdk.java().toString());
    line.add("@" + file);
    line.add(MAIN);
    line.addAll(command);
    return line;
  }

  /** The JVM flags of the command line. */
  private static List<String> flags() throws IOException {
    try (InputStream in = CommandLine.class.getResourceAsStream("jvm.args")) {
      return List.of(new String(in.readAllBytes(), StandardCharsets.UTF_8).strip().split("\\s+"));
    }
  }

  private static String quoted(String argument) {
    return '"' + argument.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }

  private static List<String> lines(InputStream stream) {
    try (var reader = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
      return reader.lines().collect(Collectors.toList());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
