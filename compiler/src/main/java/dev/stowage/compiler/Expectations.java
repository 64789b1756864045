package dev.stowage.compiler;

import dev.stowage.compiler.resolve.Expectation;
import dev.stowage.compiler.resolve.Expectation.Bound;
import dev.stowage.compiler.resolve.Expectation.Quantity;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.plan.Asked;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ExecutablePlan;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Holds what a plan expects against its prediction, or against what a run measured. */
public final class Expectations {
  private Expectations() {}

  /** Those about predicted values that are not met. */
  static List<Diagnostic> check(List<Expectation> expectations, ExecutablePlan plan) {
    var missed = new ArrayList<Diagnostic>();
    for (var expectation : expectations) {
      if (!expectation.measured()) {
        double value = value(expectation.quantity(), plan, Observed.predicted(plan));
        if (!allows(expectation, value, value)) {
          missed.add(
              Messages.expectationMissed(
                  expectation.span(), expectation.text(), shown(expectation.quantity(), value)));
        }
      }
    }
    return missed;
  }

  /** Those about measured values that a run did not meet, and, as a note, did not measure. */
  public static List<Diagnostic> checkMeasured(
      List<Expectation> expectations, ExecutablePlan plan, Observed measured) {
    var missed = new ArrayList<Diagnostic>();
    for (var expectation : expectations) {
      if (expectation.measured()) {
        double value = value(expectation.quantity(), plan, measured);
        if (Double.isNaN(value)) {
          missed.add(Messages.notMeasured(expectation.span(), expectation.text()));
          continue;
        }
        double predicted = value(expectation.quantity(), plan, Observed.predicted(plan));
        if (!allows(expectation, value, predicted)) {
          missed.add(
              Messages.measurementMissed(
                  expectation.span(),
                  expectation.text(),
                  shown(expectation.quantity(), value),
                  shown(expectation.quantity(), predicted)));
        }
      }
    }
    return missed;
  }

  private static boolean allows(Expectation expectation, double value, double predicted) {
    return switch (expectation.bound()) {
      case Bound.Between(double low, double high) -> low <= value && value <= high;
      case Bound.NearPrediction(double tolerance) ->
          Math.abs(value - predicted) <= tolerance * predicted;
    };
  }

  private static double value(Quantity quantity, ExecutablePlan plan, Observed observed) {
    return switch (quantity) {
      case Quantity.Throughput(var part) ->
          switch (part) {
            case WHOLE -> observed.throughput();
            case PREFILL -> observed.prefillThroughput();
            case DECODE -> observed.decodeThroughput();
          };
      case Quantity.Latency(var span) ->
          switch (span) {
            case BLOCK -> observed.blockSeconds();
            case TOKEN -> observed.tokenSeconds();
            case FIRST -> observed.firstTokenSeconds();
            case REQUEST -> observed.requestSeconds();
          };
      case Quantity.Peak(var device) ->
          plan.machine().devices().stream()
              .filter(d -> isOn(d.name(), device))
              .mapToDouble(d -> plan.bytesOn(d.name()))
              .max()
              .orElse(0);
      case Quantity.Memory(var device) ->
          plan.machine().devices().stream()
              .filter(d -> isOn(d.name(), device))
              .mapToDouble(DeviceSpec::usableBytes)
              .min()
              .orElse(0);
      case Quantity.Share(var what, var device) ->
          plan.shares().stream()
              .filter(s -> s.what().equals(what) && isOn(s.device(), device))
              .mapToDouble(Asked::realised)
              .sum();
    };
  }

  /** A device, or a member of the array of that name. */
  private static boolean isOn(String name, String device) {
    return name.equals(device) || name.startsWith(device + "[");
  }

  private static String shown(Quantity quantity, double value) {
    return switch (quantity) {
      case Quantity.Throughput _ -> String.format(Locale.ROOT, "%.4g tok/s", value);
      case Quantity.Latency _ -> Amounts.seconds(value);
      case Quantity.Peak _, Quantity.Memory _ -> Amounts.bytes(value);
      case Quantity.Share _ -> Amounts.share(value);
    };
  }
}
