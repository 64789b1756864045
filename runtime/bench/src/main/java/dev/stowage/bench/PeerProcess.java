package dev.stowage.bench;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A program that is measured, in a process of its own: it reads the shapes that are to be run from
 * its input, and writes what each took.
 */
final class PeerProcess implements AutoCloseable {
  private static final int TOKENS = 1024;

  /** The programs there are. */
  enum Program {
    LLAMA_CPP("llama.cpp", "libllama."),
    JLAMA("Jlama", "jlama-core"),
    LLAMA3_JAVA("llama3.java", "com");

    private final String title;
    private final String file;

    Program(String title, String file) {
      this.title = title;
      this.file = file;
    }

    String title() {
      return title;
    }

    /** The program that lies in a folder: shared libraries, jars, or classes. */
    static Program in(Path folder) throws IOException {
      return Stream.of(values())
          .filter(program -> names(folder).stream().anyMatch(n -> n.startsWith(program.file)))
          .findFirst()
          .orElseThrow(() -> new IOException("none of the programs is in " + folder));
    }

    /** The random weights as this program reads them. */
    private Path weights(Path folder, RandomGguf.Format format) throws IOException {
      return this == JLAMA ? Jlama.weights(folder) : RandomGguf.in(folder, format);
    }

    private Peer open(
        Path program, Path weights, RandomGguf.Format format, int sequences, int threads)
        throws IOException {
      return switch (this) {
        case LLAMA_CPP -> new LlamaCpp(program, weights, sequences, TOKENS, threads);
        case JLAMA -> new Jlama(weights, format, sequences, threads);
        case LLAMA3_JAVA -> new Llama3Java(weights, sequences, TOKENS);
      };
    }
  }

  private final Process process;
  private final PrintStream shapes;
  private final BufferedReader rates;

  /**
   * @param program the folder it lies in
   * @param folder for the weights
   */
  PeerProcess(Path program, Path folder, RandomGguf.Format format, int sequences, int threads)
      throws IOException {
    var kind = Program.in(program);
    var command = new ArrayList<String>();
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.addAll(
        List.of(
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "--enable-preview",
            "-Djdk.incubator.vector.VECTOR_ACCESS_OOB_CHECK=0",
            // whoever starts a parallel loop works as well
            "-Djava.util.concurrent.ForkJoinPool.common.parallelism=" + (threads - 1)));
    var jars = names(program).stream().filter(name -> name.endsWith(".jar"));
    var path =
        Stream.concat(Stream.of(program.toString()), jars.map(j -> program.resolve(j).toString()));
    command.add("-cp");
    command.add(
        Stream.concat(path, Stream.of(System.getProperty("java.class.path")))
            .collect(Collectors.joining(File.pathSeparator)));
    command.add(PeerProcess.class.getName());
    command.addAll(List.of(kind.name(), program.toString()));
    command.addAll(List.of(kind.weights(folder, format).toString(), format.name()));
    command.addAll(List.of(Integer.toString(sequences), Integer.toString(threads)));
    process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    shapes = new PrintStream(process.getOutputStream(), true);
    rates = process.inputReader();
  }

  /** Tokens a second of a shape. */
  double run(PeerBenchmark.Shape shape) throws IOException {
    shapes.println(shape.sequences() + " " + shape.prompt() + " " + shape.decode());
    var said = String.valueOf(rates.readLine()); // "null" where the process has ended
    try {
      return Double.parseDouble(said);
    } catch (NumberFormatException e) {
      throw new IOException("the program that is measured says no rate: " + said, e);
    }
  }

  @Override
  public void close() {
    process.destroy();
    process.onExit().join();
  }

  private static List<String> names(Path folder) {
    try (var files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  // -- in the process itself

  public static void main(String[] args) throws IOException {
    var program = Program.valueOf(args[0]);
    var format = RandomGguf.Format.valueOf(args[3]);
    int sequences = Integer.parseInt(args[4]);
    try (var peer =
            program.open(
                Path.of(args[1]), Path.of(args[2]), format, sequences, Integer.parseInt(args[5]));
        var in = new BufferedReader(new InputStreamReader(System.in))) {
      for (var line = in.readLine(); line != null; line = in.readLine()) {
        var numbers = Arrays.stream(line.split(" ")).mapToInt(Integer::parseInt).toArray();
        var shape = new PeerBenchmark.Shape(numbers[0], numbers[1], numbers[2]);
        System.out.println(PeerBenchmark.run(peer, shape, PeerBenchmark.ids(shape)));
      }
    } catch (IOException | RuntimeException e) {
      System.out.println(e);
    }
  }
}
