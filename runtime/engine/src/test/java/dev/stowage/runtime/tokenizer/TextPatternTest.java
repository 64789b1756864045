package dev.stowage.runtime.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TextPatternTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = ' ',
      quoteCharacter = '~',
      value = {
        "\\p{L}+ \\p{L}+",
        "\\p{Han} \\p{IsHan}",
        "[^\\p{Hiragana}\\p{Lu}] [^\\p{IsHiragana}\\p{Lu}]",
        "\\p{^N} \\P{N}",
        "\\P{^N} \\p{N}",
        "\\p{Letter} \\p{L}",
        "\\h [0-9a-fA-F]",
        "[\\h_] [0-9a-fA-F_]",
        "[[:alpha:][:^digit:]] [\\p{Alpha}\\P{Digit}]",
        "[]a] [\\]a]",
        "[^]a] [^\\]a]",
        "(?m:.) (?s:.)",
        "(?i:x)(?!y)(?<=z) (?i:x)(?!y)(?<=z)",
        "a++b?+ a++b?+",
        "\\[:alpha:\\] \\[:alpha:\\]",
      })
  void rewritesWhatOnigurumaAndJavaReadDifferently(String oniguruma, String java) {
    assertEquals(java, TextPattern.translate(oniguruma));
  }

  @ParameterizedTest
  @ValueSource(strings = {"a{1,2}+", "\\K", "\\pL", "[[:nope:]]", "(?x:a)"})
  void refusesWhatJavaWouldReadDifferently(String oniguruma) {
    assertThrows(IllegalArgumentException.class, () -> TextPattern.translate(oniguruma));
  }

  @Test
  void countsUnicodeWhiteSpaceAsSpace() {
    assertEquals("a-b-c-d", TextPattern.java("\\s").replaceAll("a\u00a0b\u2003c\u0085d", "-"));
  }
}
