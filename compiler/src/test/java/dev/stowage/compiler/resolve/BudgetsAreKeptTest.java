package dev.stowage.compiler.resolve;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class BudgetsAreKeptTest {
  @Test
  void allBlocksTogetherAreHeldAgainstEachBudget() {
    var found =
        PlanCheck.raises(
            "SW501",
            "approximate within perplexity +9% { weights 4-bit group 64 } approximate within perplexity +^1%^ { kv 4-bit group 64 }");
    assertEquals(2, found.related().size());
    assertEquals("allow +1.5%", found.fixes().getFirst().title());
  }

  @Test
  void whatIsAllowedIsNotSaid() {
    PlanCheck.passes("SW501", "approximate within perplexity +1% { kv 4-bit group 64 }");
  }
}
