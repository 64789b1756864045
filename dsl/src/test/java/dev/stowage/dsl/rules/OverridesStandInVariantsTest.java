package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class OverridesStandInVariantsTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW114 | ^override^ place { weights on t4 100% }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new OverridesStandInVariants(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "variant v { override place { weights on t4 100% } }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new OverridesStandInVariants(), RuleCheck.BOX + statement);
  }
}
