package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NamesAreUniqueTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW102 | param ^some^ : time = 1 s",
        "SW102 | platform more { host ^t4^ }",
        "SW102 | variant v { some = 10% } variant ^v^ { some = 30% }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new NamesAreUnique(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "param other : time = 1 s",
        "variant v { some = 10% } variant w { some = 30% }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new NamesAreUnique(), RuleCheck.BOX + statement);
  }
}
