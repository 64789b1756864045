package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PropertiesAreSetOnceTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW104 | platform more { gpu g { memory 3 GiB ^memory 4 GiB^ } }",
        "SW104 | platform more { disk d { read at 1 MiB 4 GB/s ^read at 1024 KiB 3 GB/s^ } }",
        "SW104 | device gpu G { memory 3 GiB ^memory 3 GiB^ }",
        "SW104 | platform more { link t4 -> inst { rate 3 GB/s ^rate 4 GB/s^ } }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new PropertiesAreSetOnce(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "platform more { gpu g { memory 3 GiB matmul-decode(fp16) 3 TFLOPS matmul-decode(fp32) 2 TFLOPS } }",
        "platform more { disk d { read 2 GB/s read at 4 KiB 1 GB/s read at 8 KiB 1 GB/s } }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new PropertiesAreSetOnce(), RuleCheck.BOX + statement);
  }
}
