package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ImportsAreReadableTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW110 | import ^\"lib:nvidia/t5\"^",
        "SW111 | import ^\"gone.stow\"^",
        "SW111 | import ^\"http://example.com/a.stow\"^",
        "SW111 | import ^\"/etc/passwd\"^",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new ImportsAreReadable(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "import \"lib:nvidia/t4\" platform more { gpu g = nvidia.T4 }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new ImportsAreReadable(), RuleCheck.BOX + statement);
  }
}
