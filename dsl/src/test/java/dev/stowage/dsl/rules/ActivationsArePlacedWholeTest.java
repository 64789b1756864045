package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ActivationsArePlacedWholeTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW108 | place { activations of ^head^ on t4 100% }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new ActivationsArePlacedWhole(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "place { activations on t4 100% weights of head on ram 100% }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new ActivationsArePlacedWhole(), RuleCheck.BOX + statement);
  }
}
