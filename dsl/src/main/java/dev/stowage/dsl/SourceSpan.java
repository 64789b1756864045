package dev.stowage.dsl;

import java.util.Objects;

/**
 * A stretch of source text.
 *
 * @param file absolute path of the file, or {@code lib:maker/name} for an entry of the library
 * @param offset characters before it, from 0
 * @param length characters in it
 * @param line line of its first character, from 1
 * @param column column of its first character, from 1
 */
public record SourceSpan(String file, int offset, int length, int line, int column)
    implements Comparable<SourceSpan> {

  public SourceSpan {
    Objects.requireNonNull(file, "file");
    if (offset < 0 || length < 0 || line < 1 || column < 1) {
      throw new IllegalArgumentException(
          "no such place: offset %d length %d line %d column %d"
              .formatted(offset, length, line, column));
    }
  }

  /** The start of a file, for what concerns the whole of it. */
  public static SourceSpan startOf(String file) {
    return new SourceSpan(file, 0, 0, 1, 1);
  }

  /** Whether all of another span lies within this one. */
  public boolean contains(SourceSpan other) {
    return file.equals(other.file)
        && offset <= other.offset
        && other.offset + other.length <= offset + length;
  }

  /** By file, then in reading order. */
  @Override
  public int compareTo(SourceSpan other) {
    int byFile = file.compareTo(other.file);
    if (byFile != 0) {
      return byFile;
    }
    int byOffset = Integer.compare(offset, other.offset);
    return byOffset != 0 ? byOffset : Integer.compare(length, other.length);
  }
}
