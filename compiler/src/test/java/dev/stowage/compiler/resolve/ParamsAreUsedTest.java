package dev.stowage.compiler.resolve;

import org.junit.jupiter.api.Test;

class ParamsAreUsedTest {
  @Test
  void aParameterThatNothingNamesIsUnused() {
    PlanCheck.raises("SW401", "^param patience : time = 1 min^");
  }

  @Test
  void aParameterThatATestSetsOnlyIsUnused() {
    PlanCheck.raises(
        "SW401",
        "^param patience : time = 1 min^ test \"t\" with { patience = 2 min } { expect peak(ram) > 0 B }");
  }

  @Test
  void aParameterOfAVariantIsUsed() {
    PlanCheck.passes(
        "SW401", "param part : percent = 50% variant v { place { kv on ram <= part, ssd auto } }");
  }
}
