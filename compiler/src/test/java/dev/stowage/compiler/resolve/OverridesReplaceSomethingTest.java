package dev.stowage.compiler.resolve;

import org.junit.jupiter.api.Test;

class OverridesReplaceSomethingTest {
  @Test
  void anOverrideOfNothingIsSaid() {
    PlanCheck.raises("SW404", "variant v { ^override schedule { prefetch 0 layers }^ }");
  }

  @Test
  void anOverrideOfThePlanOrOfABaseIsNot() {
    PlanCheck.passes(
        "SW404",
        "variant v { schedule { prefetch 0 layers } } variant w extends v { override schedule { prefetch 1 layer } }");
    PlanCheck.passes("SW404", "variant v { override workload { prompt 8 tok } }");
  }
}
