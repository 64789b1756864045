package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PercentilesAreNamedOnceTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW104 | workload w { prompt p50 2 tok ^p50 2 tok^ max 3 tok }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new PercentilesAreNamedOnce(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "workload w { prompt p50 2 tok p95 2 tok max 3 tok }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new PercentilesAreNamedOnce(), RuleCheck.BOX + statement);
  }
}
