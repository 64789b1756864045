package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DistributionsHaveTheirEndsTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW120 | workload w { prompt ^p95 200 tok^ }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new DistributionsHaveTheirEnds(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "workload w { prompt p50 2 tok max 3 tok }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new DistributionsHaveTheirEnds(), RuleCheck.BOX + statement);
  }
}
