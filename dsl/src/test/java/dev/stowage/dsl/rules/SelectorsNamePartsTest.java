package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SelectorsNamePartsTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW103 | place { weights of ^embedding^ on t4 100% }",
        "SW103 | place { weights of layers[*].^atn^ on t4 100% }",
        "SW103 | place { weights of layers[*].attn.^up^ on t4 100% }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new SelectorsNameParts(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "place { weights of embed on t4 100% weights of layers[*].attn.q on ram 100% }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new SelectorsNameParts(), RuleCheck.BOX + statement);
  }
}
