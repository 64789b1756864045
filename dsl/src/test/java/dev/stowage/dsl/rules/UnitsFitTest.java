package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class UnitsFitTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW105 | platform more { gpu g { memory ^16^ } }",
        "SW105 | workload w { prompt ^512^ }",
        "SW105 | place { weights on t4 ^20^, ram rest }",
        "SW105 | expect throughput(predicted) >= ^1.0^",
        "SW105 | schedule { prefetch ^2^ }",
        "SW106 | platform more { gpu g { memory ^16 GB/s^ } }",
        "SW106 | workload w { batch ^3 tok^ }",
        "SW106 | platform more { gpu g { memory ^some^ } }",
        "SW106 | maximize throughput subject to { peak(t4) <= ^3 s^ }",
        "SW106 | test \"x\" with { some = ^3 GiB^ } { expect infeasible }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new UnitsFit(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "platform more { gpu g { memory 16 GiB } }",
        "workload w { prompt 512 tok batch 3 }",
        "maximize throughput subject to { peak(t4) <= 3 GiB }",
        "test \"x\" with { some = 3% } { expect infeasible }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new UnitsFit(), RuleCheck.BOX + statement);
  }
}
