package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TypesAreNotBasedOnThemselvesTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW122 | device gpu A = ^A^ { }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new TypesAreNotBasedOnThemselves(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "device gpu A { } device gpu Bb = A { } device gpu Cc = Bb { }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new TypesAreNotBasedOnThemselves(), RuleCheck.BOX + statement);
  }
}
