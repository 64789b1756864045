package dev.stowage.compiler.resolve;

import org.junit.jupiter.api.Test;

class KeysAreStoredInOneWayTest {
  private static final String SPARSE = "attention decode on ram sparse top-k 1/8";

  @Test
  void quantizedKeysAreNotReadSparsely() {
    PlanCheck.raises(
        "SW510", "approximate within perplexity +9% { ^kv 4-bit group 64^ " + SPARSE + " }");
  }

  @Test
  void quantizedWeightsAreAnotherMatter() {
    PlanCheck.passes(
        "SW510", "approximate within perplexity +9% { weights 4-bit group 64 " + SPARSE + " }");
  }
}
