package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MetricsHaveTheirArgumentsTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW119 | maximize ^peak^",
        "SW119 | expect ^share(t4)^ >= 3%",
        "SW119 | minimize ^latency(prefill)^",
        "SW119 | minimize ^latency(first_token)^",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new MetricsHaveTheirArguments(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "maximize throughput(predicted)",
        "minimize peak(t4)",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new MetricsHaveTheirArguments(), RuleCheck.BOX + statement);
  }
}
