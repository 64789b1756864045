package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SettingsNameAValueTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW108 | test \"x\" with { ^t4 = 3 GiB^ } { expect infeasible }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new SettingsNameAValue(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "test \"x\" with { t4.memory = 3 GiB } { expect infeasible }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new SettingsNameAValue(), RuleCheck.BOX + statement);
  }
}
