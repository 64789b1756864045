package dev.stowage.optimizer.cost;

import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.Rate;

/**
 * FLOP/s of matrix products by the rows of a pass, in prefill and decode alike:
 *
 * <pre>
 * F(rows) = DECODE_COMPUTE + (PREFILL_COMPUTE − DECODE_COMPUTE) · min(1, (rows − 1) / 127)
 * </pre>
 *
 * One row runs at the rate of decode, 128 rows and more at that of prefill: products of few rows
 * cannot use a matrix unit well.
 */
public final class ProductRate {
  private static final double FULL_RATE_ROWS = 128;

  private ProductRate() {}

  public static double of(DeviceSpec device, double rows) {
    double few = device.rate(Rate.DECODE_COMPUTE);
    double part = Math.clamp((rows - 1) / (FULL_RATE_ROWS - 1), 0, 1);
    return few + (device.rate(Rate.PREFILL_COMPUTE) - few) * part;
  }
}
