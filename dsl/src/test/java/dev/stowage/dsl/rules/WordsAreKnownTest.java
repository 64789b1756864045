package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class WordsAreKnownTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW103 | workload w { ^promt^ 3 tok }",
        "SW103 | param x : ^tiem^",
        "SW103 | maximize ^troughput^",
        "SW103 | schedule { order ^zigzag^ }",
        "SW103 | schedule { kv ^write-bak^ every 16 tok }",
        "SW103 | approximate within ^perplexiti^ +1% { kv 4-bit }",
        "SW103 | approximate within perplexity +1% { attention decode on t4 sparse ^top^ 1/8 }",
        "SW103 | model m = shape opt-13b { dtype ^fp17^ }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new WordsAreKnown(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "schedule { order zig-zag kv write-back every 16 tok }",
        "model m = shape opt-13b { dtype fp16 }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new WordsAreKnown(), RuleCheck.BOX + statement);
  }
}
