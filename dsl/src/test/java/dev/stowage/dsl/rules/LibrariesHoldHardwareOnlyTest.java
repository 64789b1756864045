package dev.stowage.dsl.rules;

import org.junit.jupiter.api.Test;

class LibrariesHoldHardwareOnlyTest {
  @Test
  void marksWhatDecides() {
    RuleCheck.raises(
        new LibrariesHoldHardwareOnly(), "SW116", "library l\n^maximize throughput^\n");
  }

  @Test
  void letsHardwareBeAndPlansDecide() {
    RuleCheck.passes(new LibrariesHoldHardwareOnly(), "library l\ndevice gpu A { memory 3 GiB }\n");
    RuleCheck.passes(new LibrariesHoldHardwareOnly(), "plan p\nmaximize throughput\n");
  }
}
