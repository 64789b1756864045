package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PercentilesRiseTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW120 | workload w { prompt ^p50 900 tok p95 200 tok max 2000 tok^ }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new PercentilesRise(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "workload w { prompt p50 2 tok p95 2 tok p99 3 tok max 3 tok }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new PercentilesRise(), RuleCheck.BOX + statement);
  }
}
