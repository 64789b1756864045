package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ParamsStayInTheirDomainTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW107 | param x : count = ^9^ in 1..8",
        "SW107 | variant v { depth = ^9^ }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new ParamsStayInTheirDomain(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "param x : count = 8 in 1..8",
        "variant v { depth = 1 }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new ParamsStayInTheirDomain(), RuleCheck.BOX + statement);
  }
}
