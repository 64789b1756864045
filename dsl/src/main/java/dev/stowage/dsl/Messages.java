package dev.stowage.dsl;

/**
 * Every diagnostic of reading, linking and checking: one method a rule, code and words together.
 */
final class Messages {
  private Messages() {}

  // SW0xx: the file and its syntax

  static Diagnostic noSuchFile(SourceSpan file) {
    return Diagnostic.error("SW001", file, "there is no such file");
  }

  static Diagnostic unreadable(SourceSpan file, String why) {
    return Diagnostic.error("SW001", file, "the file cannot be read: " + why);
  }

  static Diagnostic fileTooLarge(SourceSpan file, int limit) {
    return Diagnostic.error(
        "SW002", file, "the file is larger than %d MiB: not a plan".formatted(limit >> 20));
  }

  static Diagnostic notUtf8(SourceSpan file) {
    return Diagnostic.error("SW003", file, "the file is not UTF-8 text");
  }
}
