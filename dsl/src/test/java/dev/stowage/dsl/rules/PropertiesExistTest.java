package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PropertiesExistTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW103 | platform more { gpu g { ^memori^ 3 GiB } }",
        "SW103 | platform more { gpu g { ^emulated^ } }",
        "SW103 | platform more { host h2 { ^read^ 3 GB/s } }",
        "SW103 | test \"x\" with { t4.^memry^ = 3 GiB } { expect infeasible }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new PropertiesExist(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "platform more { csd c { memory 3 GiB emulated } }",
        "test \"x\" with { t4.memory = 3 GiB } { expect infeasible }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new PropertiesExist(), RuleCheck.BOX + statement);
  }
}
