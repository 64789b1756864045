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
        "SW106 | platform more { host big { memory-bandwidth at ^4 KiB^ 3 GB/s } }",
        "SW106 | platform more { csd c { read at ^4 KiB^ 3 GB/s } }",
        "SW106 | platform more { host big { ^matmul(fp16) 3 TFLOPS^ } }",
        "SW106 | platform more { host big { ^attend at 16 tok 3 TFLOPS^ } }",
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
        "platform more { host big { matmul(int4) at 16 tok 3 TFLOPS measured 2026-11-20 } }",
        "platform more { disk d { read 2 GB/s read at 64 KiB 1 GB/s } }",
        "workload w { prompt p50 2 tok max 3 tok }",
        "model m = shape opt-13b { dtype fp16 context 512 tok }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new FormsFit(), RuleCheck.BOX + statement);
  }
}
