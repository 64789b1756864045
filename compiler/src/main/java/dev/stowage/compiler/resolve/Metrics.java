package dev.stowage.compiler.resolve;

import dev.stowage.dsl.script.Aspect;
import dev.stowage.dsl.script.AspectArgument;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.DeviceArgument;
import dev.stowage.dsl.script.Metric;
import dev.stowage.dsl.script.Subject;
import dev.stowage.dsl.script.SubjectArgument;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/** What a metric's words mean. */
final class Metrics {
  private Metrics() {}

  /** The aspects that are named: {@code predicted}, {@code decode}, … */
  static Set<Aspect> aspects(Metric metric) {
    var aspects = EnumSet.noneOf(Aspect.class);
    for (var argument : metric.getArguments()) {
      if (argument instanceof AspectArgument aspect) {
        aspects.add(aspect.getAspect());
      }
    }
    return aspects;
  }

  static Optional<Device> device(Metric metric) {
    return metric.getArguments().stream()
        .filter(DeviceArgument.class::isInstance)
        .map(argument -> ((DeviceArgument) argument).getDevice())
        .findFirst();
  }

  static Optional<Subject> subject(Metric metric) {
    return metric.getArguments().stream()
        .filter(SubjectArgument.class::isInstance)
        .map(argument -> ((SubjectArgument) argument).getSubject())
        .findFirst();
  }

  /** What is to be compared; empty where the words say two things at once. */
  static Optional<Expectation.Quantity> quantity(Metric metric) {
    var aspects = EnumSet.copyOf(EnumSet.allOf(Aspect.class));
    aspects.retainAll(aspects(metric));
    aspects.removeAll(EnumSet.of(Aspect.PREDICTED, Aspect.MEASURED));
    if (aspects.size() > 1) {
      return Optional.empty();
    }
    var aspect = aspects.stream().findFirst();
    return switch (metric.getName()) {
      case "throughput" ->
          Optional.of(
              new Expectation.Quantity.Throughput(
                  aspect
                      .map(
                          a ->
                              a == Aspect.PREFILL
                                  ? Expectation.Part.PREFILL
                                  : Expectation.Part.DECODE)
                      .orElse(Expectation.Part.WHOLE)));
      case "latency" ->
          Optional.of(
              new Expectation.Quantity.Latency(
                  switch (aspect.orElse(Aspect.BLOCK)) {
                    case TOKEN -> Expectation.Span.TOKEN;
                    case FIRST -> Expectation.Span.FIRST;
                    case REQUEST -> Expectation.Span.REQUEST;
                    default -> Expectation.Span.BLOCK;
                  }));
      case "peak" -> device(metric).map(d -> new Expectation.Quantity.Peak(d.getName()));
      case "memory" -> device(metric).map(d -> new Expectation.Quantity.Memory(d.getName()));
      case "share" ->
          device(metric)
              .flatMap(
                  d ->
                      subject(metric)
                          .map(s -> new Expectation.Quantity.Share(s.getLiteral(), d.getName())));
      default -> Optional.empty();
    };
  }
}
