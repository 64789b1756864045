package dev.stowage.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A compiled plan runs on a machine that has neither the language nor the solver. */
class CompiledPlanLoadsLittleTest {
  private static final List<String> FOREIGN =
      List.of(
          "dev.stowage.compiler.",
          "dev.stowage.optimizer.",
          "dev.stowage.dsl.",
          "org.eclipse.",
          "com.google.ortools.",
          "com.google.inject.");

  @TempDir Path folder;

  @Test
  void runningACompiledPlanLoadsNoClassOfCompilerLanguageOrSolver()
      throws IOException, InterruptedException {
    Files.writeString(
        folder.resolve("plan.stow"),
        """
        plan small
        platform here { host ram { memory 512 MiB } }
        model m = hf "%s"
        workload w { prompt 16 tok  generate 4 tok  requests 1 }
        maximize throughput
        """
            .formatted(Ran.TINY_OPT));
    Ran.stowage(folder, "compile", "plan.stow").exits(Exit.GOOD);
    var compiled = classesLoadedBy("run", "plan.stowplan", "-p", "And God");
    assertEquals(
        List.of(), compiled.stream().filter(CompiledPlanLoadsLittleTest::foreign).toList());
    var source = classesLoadedBy("run", "plan.stow", "-p", "And God");
    assertTrue(source.stream().anyMatch(CompiledPlanLoadsLittleTest::foreign));
  }

  private static boolean foreign(String name) {
    return FOREIGN.stream().anyMatch(name::startsWith);
  }

  private List<String> classesLoadedBy(String... args) throws IOException, InterruptedException {
    var log = folder.resolve("classes.log");
    Files.deleteIfExists(log);
    var command =
        new java.util.ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-Xlog:class+load:file=" + log + "::filecount=0",
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                "dev.stowage.cli.Main"));
    command.addAll(List.of(args));
    var output = folder.resolve("output.log");
    var process =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    assertTrue(process.waitFor(2, TimeUnit.MINUTES));
    assertEquals(0, process.exitValue(), () -> read(output));
    return Files.readAllLines(log).stream()
        .map(line -> line.replaceFirst("^(\\[[^]]*\\])+ ", ""))
        .map(line -> line.split(" ", 2)[0])
        .toList();
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }
}
