package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ImportsAreWrittenOnceTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW421 | import \"lib:generic/host\" ^import \"lib:generic/host\"^ platform more { host h2 = generic.DDR4 }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new ImportsAreWrittenOnce(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "import \"lib:generic/host\" import \"lib:nvidia/t4\" platform more { host h2 = generic.DDR4 gpu g = nvidia.T4 }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new ImportsAreWrittenOnce(), RuleCheck.BOX + statement);
  }
}
