package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Argument;
import dev.stowage.dsl.script.Aspect;
import dev.stowage.dsl.script.AspectArgument;
import dev.stowage.dsl.script.DeviceArgument;
import dev.stowage.dsl.script.Metric;
import dev.stowage.dsl.script.SubjectArgument;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/** A metric has the arguments that say of what it is: peak(t4), share(kv, ram) (SW119). */
final class MetricsHaveTheirArguments implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Metric metric && metric.getName() != null) {
      List<Argument> arguments = metric.getArguments();
      boolean fits =
          switch (metric.getName()) {
            case "throughput" ->
                aspects(
                    arguments,
                    EnumSet.of(Aspect.PREDICTED, Aspect.MEASURED, Aspect.PREFILL, Aspect.DECODE));
            case "latency" ->
                aspects(
                    arguments,
                    EnumSet.of(
                        Aspect.BLOCK,
                        Aspect.TOKEN,
                        Aspect.REQUEST,
                        Aspect.FIRST,
                        Aspect.PREDICTED,
                        Aspect.MEASURED));
            case "peak", "memory" ->
                arguments.size() == 1 && arguments.getFirst() instanceof DeviceArgument;
            case "share" ->
                arguments.size() == 2
                    && arguments.getFirst() instanceof SubjectArgument
                    && arguments.get(1) instanceof DeviceArgument;
            default -> true;
          };
      if (!fits) {
        report.accept(
            Messages.metricArguments(Spans.of(metric), metric.getName(), form(metric.getName())));
      }
    }
  }

  private static boolean aspects(List<Argument> arguments, Set<Aspect> allowed) {
    return arguments.stream()
        .allMatch(one -> one instanceof AspectArgument word && allowed.contains(word.getAspect()));
  }

  /** Whether what reads like a device's name cannot be one: its metric is not of a device. */
  static boolean hasNoDevice(Argument argument) {
    return argument.eContainer() instanceof Metric metric
        && ("throughput".equals(metric.getName()) || "latency".equals(metric.getName()));
  }

  private static String form(String metric) {
    return switch (metric) {
      case "throughput" -> "throughput, throughput(predicted) or throughput(measured)";
      case "latency" -> "latency(block), latency(token), latency(request) or latency(first)";
      case "share" -> "share(weights|kv|activations, DEVICE)";
      default -> metric + "(DEVICE)";
    };
  }
}
