package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class OnlyLayersAreCountedTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW108 | place { weights of ^head[0]^ on t4 100% }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new OnlyLayersAreCounted(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "place { weights of layers[0].mlp on t4 100% weights of head on ram 100% }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new OnlyLayersAreCounted(), RuleCheck.BOX + statement);
  }
}
