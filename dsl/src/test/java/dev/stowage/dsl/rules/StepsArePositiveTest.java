package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class StepsArePositiveTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW107 | param x : count = auto in 1..3 step ^0^",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new StepsArePositive(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "param x : count = auto in 1..3 step 1",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new StepsArePositive(), RuleCheck.BOX + statement);
  }
}
