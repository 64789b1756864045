package dev.stowage.cli;

import java.nio.file.Path;

/**
 * Where Jazzer enters a process of its own: reads one input by the target that a property names.
 */
public final class FuzzEntry {
  static final String TARGET = "stowage.fuzz.target";
  static final String FOLDER = "stowage.fuzz.folder";

  private static final FuzzTarget READER = FuzzTarget.valueOf(System.getProperty(TARGET));
  private static final Path SCRATCH = Path.of(System.getProperty(FOLDER));

  private FuzzEntry() {}

  /** Loads what the reader needs, outside of the time that one input may take. */
  public static void fuzzerInitialize() throws Exception {
    READER.read(new byte[0], SCRATCH);
  }

  public static void fuzzerTestOneInput(byte[] input) throws Exception {
    READER.read(input, SCRATCH);
  }
}
