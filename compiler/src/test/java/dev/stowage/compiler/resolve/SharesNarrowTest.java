package dev.stowage.compiler.resolve;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class SharesNarrowTest {
  @Test
  void aLaterShareThatAllowsNoLessIsSaid() {
    var found =
        PlanCheck.raises("SW403", "place { weights on ram >= 60%  weights on ^ram >= 40%^ }");
    assertEquals(1, found.related().size());
  }

  @Test
  void aLaterShareThatAllowsLessIsNot() {
    PlanCheck.passes("SW403", "place { weights on ram >= 40%  weights on ram >= 60% }");
    PlanCheck.passes("SW403", "place { weights on ram >= 40%  kv on ram >= 40% }");
  }
}
