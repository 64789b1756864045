package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FormsFitTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW106 | platform more { disk d { path ^3 GiB^ } }",
        "SW106 | platform more { disk d { read ^\"fast\"^ } }",
        "SW106 | model m = shape opt-13b { ^dtype 3^ }",
        "SW106 | model m = shape opt-13b { ^context fp16^ }",
        "SW106 | workload w { batch ^p50 2 max 3^ }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new FormsFit(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "platform more { disk d { path \"/data\" read 2 GB/s } }",
        "workload w { prompt p50 2 tok max 3 tok }",
        "model m = shape opt-13b { dtype fp16 context 512 tok }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new FormsFit(), RuleCheck.BOX + statement);
  }
}
