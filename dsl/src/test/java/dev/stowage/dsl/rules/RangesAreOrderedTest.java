package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RangesAreOrderedTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW107 | param x : count = auto in ^9..3^",
        "SW107 | place { weights of layers[^5..3^] on t4 100% }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new RangesAreOrdered(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "param x : count = auto in 3..3",
        "place { weights of layers[3..3] on t4 100% }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new RangesAreOrdered(), RuleCheck.BOX + statement);
  }
}
