package dev.stowage.plan.text;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class AmountTest {
  @Test
  void amountsTakeTheUnitAPersonWouldChoose() {
    assertEquals("0 B", Amount.bytes(0));
    assertEquals("1.5 GiB", Amount.bytes(3L << 29));
    assertEquals("250 us", Amount.seconds(250e-6));
    assertEquals("45.0 ms", Amount.seconds(0.045));
    assertEquals("2.31 s", Amount.seconds(2.31));
    assertEquals("3.5 min", Amount.seconds(210));
    assertEquals("7.3 h", Amount.seconds(7.3 * 3600));
  }

  @Test
  void aSlowRateKeepsTwoDigits() {
    assertEquals("0.00041 tok/s", Amount.rate(0.000412));
    assertEquals("0.00 tok/s", Amount.rate(0));
    assertEquals("7.31 tok/s", Amount.rate(7.312));
    assertEquals("3,057 tok/s", Amount.rate(3057));
  }
}
