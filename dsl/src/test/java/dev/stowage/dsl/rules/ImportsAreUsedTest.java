package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ImportsAreUsedTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW422 | ^import \"lib:nvidia/t4\"^",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new ImportsAreUsed(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "import \"lib:nvidia/t4\" platform more { gpu g = nvidia.T4 }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new ImportsAreUsed(), RuleCheck.BOX + statement);
  }
}
