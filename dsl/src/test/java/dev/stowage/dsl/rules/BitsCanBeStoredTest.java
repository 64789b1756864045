package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BitsCanBeStoredTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW108 | approximate within perplexity +1% { kv ^0^-bit }",
        "SW108 | approximate within perplexity +1% { kv 4-bit group ^0^ }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new BitsCanBeStored(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "approximate within perplexity +1% { kv 4-bit group 64 }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new BitsCanBeStored(), RuleCheck.BOX + statement);
  }
}
