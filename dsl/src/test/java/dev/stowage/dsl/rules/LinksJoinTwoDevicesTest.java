package dev.stowage.dsl.rules;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LinksJoinTwoDevicesTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SW118 | platform more { link t4 <-> ^t4^ }",
      })
  void marksWhatBreaksIt(String code, String statement) {
    RuleCheck.raises(new LinksJoinTwoDevices(), code, RuleCheck.BOX + statement);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "platform more { link ram <-> inst }",
      })
  void letsTheRestBe(String statement) {
    RuleCheck.passes(new LinksJoinTwoDevices(), RuleCheck.BOX + statement);
  }
}
