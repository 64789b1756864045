package dev.stowage.cli;

import dev.stowage.dsl.Codes;
import java.util.Locale;

/** {@code check --explain}: the page of a diagnostic's code. */
final class CodePrinter {
  private CodePrinter() {}

  static Exit print(String code, Console console) {
    var page = Codes.page(code.toUpperCase(Locale.ROOT));
    if (page.isEmpty()) {
      throw Failure.usage(
          "%s is no code of a diagnostic; there are %s"
              .formatted(code, String.join(", ", Codes.all())));
    }
    console.out().print(page.get().text());
    return Exit.GOOD;
  }
}
