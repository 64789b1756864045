package dev.stowage.dsl;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.List;

/** A source with one {@code ^marked^} stretch: where the diagnostic is due. */
public record Marked(String text, int offset, int length) {

  public static Marked of(String source) {
    int start = source.indexOf('^');
    int end = source.indexOf('^', start + 1);
    String text =
        source.substring(0, start) + source.substring(start + 1, end) + source.substring(end + 1);
    return new Marked(text, start, end - start - 1);
  }

  /** Asserts that this source has one diagnostic, of that code and at the mark. */
  public Diagnostic expect(String code) {
    List<Diagnostic> found = StowParser.parse(text, Path.of("marked.stow")).diagnostics();
    assertEquals(
        List.of(code + " at '" + text.substring(offset, offset + length) + "'"),
        found.stream()
            .map(
                one ->
                    one.code()
                        + " at '"
                        + text.substring(
                            one.span().offset(), one.span().offset() + one.span().length())
                        + "'")
            .toList(),
        () -> "found " + found);
    assertEquals(offset, found.getFirst().span().offset());
    return found.getFirst();
  }
}
