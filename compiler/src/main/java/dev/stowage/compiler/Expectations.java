package dev.stowage.compiler;

import dev.stowage.compiler.resolve.Expectation;
import dev.stowage.compiler.resolve.Expectation.Quantity;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.plan.Asked;
import dev.stowage.plan.ExecutablePlan;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Holds what a plan expects of predicted numbers against its prediction. */
final class Expectations {
  private Expectations() {}

  static List<Diagnostic> check(List<Expectation> expectations, ExecutablePlan plan) {
    var missed = new ArrayList<Diagnostic>();
    for (var expectation : expectations) {
      double value = value(expectation.quantity(), plan);
      if (value < expectation.low() || value > expectation.high()) {
        missed.add(
            Messages.expectationMissed(
                expectation.span(), expectation.text(), shown(expectation.quantity(), value)));
      }
    }
    return missed;
  }

  private static double value(Quantity quantity, ExecutablePlan plan) {
    return switch (quantity) {
      case Quantity.Throughput() -> plan.predicted().throughputTokensPerSecond();
      case Quantity.BlockLatency() ->
          plan.predicted().prefillSeconds() + plan.predicted().decodeSeconds();
      case Quantity.Peak(var device) -> plan.bytesOn(device);
      case Quantity.Share(var what, var device) ->
          plan.shares().stream()
              .filter(s -> s.what().equals(what) && isOn(s, device))
              .mapToDouble(Asked::realised)
              .sum();
    };
  }

  /** A device, or a member of the array of that name. */
  private static boolean isOn(Asked share, String device) {
    return share.device().equals(device) || share.device().startsWith(device + "[");
  }

  private static String shown(Quantity quantity, double value) {
    return switch (quantity) {
      case Quantity.Throughput() -> String.format(Locale.ROOT, "%.4g tok/s", value);
      case Quantity.BlockLatency() -> Amounts.seconds(value);
      case Quantity.Peak(var device) -> Amounts.bytes(value);
      case Quantity.Share share -> Amounts.share(value);
    };
  }
}
