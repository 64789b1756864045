package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NamesExistTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW101 | place { weights on ^t5^ 100% }",
        "SW101 | place { weights on t4 ^sum^, ram rest }",
        "SW101 | test \"x\" on ^gone^ { expect infeasible }",
        "SW101 | platform more { gpu g = ^nvidia.T4^ }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new NamesExist(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "place { weights on t4 some, ram rest }",
        "variant v { some = 10% } test \"x\" on v { expect infeasible }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new NamesExist(), RuleCheck.BOX + statement);
  }
}
