package com.example.verses;

import dev.stowage.api.GenerateOptions;
import dev.stowage.api.LoadOptions;
import dev.stowage.api.Stowage;
import java.nio.file.Path;
import java.util.function.Consumer;

/** Continues a text, with the plan that the build compiled and packaged. */
public final class Verses {
  private Verses() {}

  public static void main(String[] args) {
    if (args.length != 2) {
      System.err.println("usage: verses MODEL-FOLDER TEXT");
      System.exit(2);
    }
    continueText(Path.of(args[0]), args[1], System.out::print);
    System.out.println();
  }

  /**
   * Continues a text.
   *
   * @param listener hears every piece as it is made
   */
  static String continueText(Path model, String text, Consumer<String> listener) {
    try (var session = Stowage.load("verses.stowplan", LoadOptions.defaults().withModel(model))) {
      return session.generate(text, GenerateOptions.greedy(), listener).text();
    }
  }
}
