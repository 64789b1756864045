package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DatesExistTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW121 | platform more { gpu g { memory 3 GiB measured ^2026-02-30^ } }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new DatesExist(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "platform more { gpu g { memory 3 GiB measured 2024-02-29 } }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new DatesExist(), RuleCheck.BOX + statement);
  }
}
