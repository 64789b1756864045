package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TypesAreOfTheirKindTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW117 | import \"lib:generic/host\" platform more { gpu g = ^generic.DDR4^ }",
        "SW117 | device gpu A { } device host Bb = ^A^ { }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new TypesAreOfTheirKind(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "import \"lib:generic/host\" platform more { host h2 = generic.DDR4 }",
        "device gpu A { } device gpu Bb = A { }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new TypesAreOfTheirKind(), RuleCheck.BOX + statement);
  }
}
