package dev.stowage.compiler.resolve;

import org.junit.jupiter.api.Test;

class DevicesAreUsedTest {
  @Test
  void aDriveWhereNoKvMayLieIsUnused() {
    PlanCheck.raises(
        "SW402",
        "platform more { ^csd spare { memory 1 TB }^ } place { kv on ram auto, inst auto }");
  }

  @Test
  void boundsAloneLeaveOtherDevicesOpen() {
    PlanCheck.passes("SW402", "place { weights on ram >= 50%  kv on ram >= 50% }");
  }

  @Test
  void aDeviceThatAVariantNamesIsUsed() {
    PlanCheck.passes(
        "SW402",
        "place { kv on ram 100%  weights on ram 100% } variant v { override place { kv on inst 100%  weights on ssd 100% } }");
  }
}
