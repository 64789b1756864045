package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SharesAddUpTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW107 | place { weights on t4 20%, ram rest weights on ^t4 >= 30%^, ram rest }",
        "SW107 | place { ^weights on t4 60%, ram >= 50%^ }",
        "SW107 | place { ^weights on t4 some, ram 30%^ }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new SharesAddUp(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "place { weights on t4 60%, ram rest } place { weights on t4 >= 30%, ram rest }",
        "place { weights on t4 some, ram 80% }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new SharesAddUp(), RuleCheck.BOX + statement);
  }
}
