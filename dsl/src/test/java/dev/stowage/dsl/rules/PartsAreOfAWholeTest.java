package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PartsAreOfAWholeTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW108 | approximate within perplexity +1% { attention decode on t4 sparse top-k ^9/8^ }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new PartsAreOfAWhole(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "approximate within perplexity +1% { attention decode on t4 sparse top-k 8/8 }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new PartsAreOfAWhole(), RuleCheck.BOX + statement);
  }
}
