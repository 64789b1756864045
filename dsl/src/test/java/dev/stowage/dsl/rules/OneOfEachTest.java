package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class OneOfEachTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW115 | model m = hf \"a\" ^model n = hf \"b\"^",
        "SW115 | maximize throughput ^minimize latency(block)^",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new OneOfEach(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "model m = hf \"a\" workload w { prompt 3 tok } maximize throughput",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new OneOfEach(), RuleCheck.BOX + statement);
  }
}
