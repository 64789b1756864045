package dev.stowage.bundle;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Agreement of the kernels under each tool of NVIDIA's compute-sanitizer, which comes with a CUDA
 * toolkit and not with a driver: it is looked for on the {@code PATH}, in the bundle, and where
 * toolkits are installed.
 */
final class Sanitizer {
  private static final String GROUP = "compute-sanitizer";
  private static final List<String> TOOLS =
      List.of("memcheck", "racecheck", "synccheck", "initcheck");
  private static final int MINUTES = 10;
  private static final int FOUND_SOMETHING = 9;

  private final Results results;
  private final Path scratch;

  Sanitizer(Results results, Path scratch) {
    this.results = results;
    this.scratch = scratch;
  }

  /**
   * Runs the tools.
   *
   * @param path of folders, as {@code PATH} has them
   * @param others where else the program may be
   */
  void run(String path, Path... others) {
    var program =
        Stream.concat(
                Stream.of(path.split(File.pathSeparator)).filter(p -> !p.isEmpty()).map(Path::of),
                Stream.of(others))
            .map(folder -> folder.resolve("compute-sanitizer"))
            .filter(Files::isExecutable)
            .findFirst();
    if (program.isEmpty()) {
      results.skip(GROUP, String.join(", ", TOOLS), "there is no compute-sanitizer on the PATH");
      return;
    }
    for (var tool : TOOLS) {
      run(program.get(), tool);
    }
  }

  private void run(Path program, String tool) {
    results.check(
        GROUP,
        tool,
        numbers -> {
          var found = scratch.resolve(tool + ".json");
          var output = scratch.resolve(tool + ".out");
          var command = new ArrayList<>(List.of(program.toString(), "--tool", tool));
          command.addAll(List.of("--error-exitcode", "" + FOUND_SOMETHING));
          command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
          command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
          command.addAll(List.of("-cp", System.getProperty("java.class.path")));
          command.addAll(List.of(GpuCheck.class.getName(), "--kernels", "--quick"));
          command.addAll(List.of("--out", found.toString()));
          var process =
              new ProcessBuilder(command)
                  .redirectErrorStream(true)
                  .redirectOutput(output.toFile())
                  .start();
          try {
            boolean ended = process.waitFor(MINUTES, TimeUnit.MINUTES);
            int exit = ended ? process.exitValue() : -1;
            numbers.put("exit", exit);
            if (exit != 0) {
              numbers.put("output", last(output));
            }
            int run =
                Files.exists(found)
                    ? new ObjectMapper().readTree(found.toFile()).path("checks_run").asInt()
                    : 0;
            numbers.put("kernel_checks", run);
            return exit == 0 && run > 0;
          } finally {
            process.destroyForcibly();
          }
        });
  }

  /** The last lines, which say what was found. */
  private static String last(Path output) throws IOException {
    try (var lines = Files.lines(output, StandardCharsets.ISO_8859_1)) {
      var all = lines.toList();
      return String.join("\n", all.subList(Math.max(0, all.size() - 20), all.size()));
    }
  }
}
