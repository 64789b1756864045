package dev.stowage.dsl;

import dev.stowage.dsl.Unit.Dimension;
import dev.stowage.dsl.script.Approximate;
import dev.stowage.dsl.script.Argument;
import dev.stowage.dsl.script.Aspect;
import dev.stowage.dsl.script.AspectArgument;
import dev.stowage.dsl.script.Auto;
import dev.stowage.dsl.script.Comparison;
import dev.stowage.dsl.script.Constraint;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.DeviceArgument;
import dev.stowage.dsl.script.DeviceKind;
import dev.stowage.dsl.script.DeviceType;
import dev.stowage.dsl.script.Distribution;
import dev.stowage.dsl.script.Link;
import dev.stowage.dsl.script.Metric;
import dev.stowage.dsl.script.MetricExpectation;
import dev.stowage.dsl.script.ModelOption;
import dev.stowage.dsl.script.Order;
import dev.stowage.dsl.script.Param;
import dev.stowage.dsl.script.ParamRef;
import dev.stowage.dsl.script.Percentile;
import dev.stowage.dsl.script.PercentileName;
import dev.stowage.dsl.script.Prefetch;
import dev.stowage.dsl.script.Property;
import dev.stowage.dsl.script.Provenance;
import dev.stowage.dsl.script.Quantity;
import dev.stowage.dsl.script.Quantize;
import dev.stowage.dsl.script.Range;
import dev.stowage.dsl.script.Ratio;
import dev.stowage.dsl.script.Scalar;
import dev.stowage.dsl.script.ScriptPackage;
import dev.stowage.dsl.script.Setting;
import dev.stowage.dsl.script.Share;
import dev.stowage.dsl.script.Sparse;
import dev.stowage.dsl.script.SubjectArgument;
import dev.stowage.dsl.script.ValueSet;
import dev.stowage.dsl.script.Workload;
import dev.stowage.dsl.script.WorkloadItem;
import dev.stowage.dsl.script.WriteBack;
import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.emf.ecore.EStructuralFeature;

/** Every value measures what is due where it stands, and says something that can be. */
final class ValueRules {
  private static final int MOST_BITS = 16;

  private final Consumer<Diagnostic> report;

  ValueRules(Consumer<Diagnostic> report) {
    this.report = report;
  }

  /** Checks one object of the tree, not those inside of it. */
  void check(EObject object) {
    switch (object) {
      case Param param -> param(param);
      case Property property -> property(property);
      case Provenance provenance -> date(provenance);
      case Device device -> measures(device.getCount(), "the number of devices", Dimension.COUNT);
      case ModelOption option -> modelOption(option);
      case WorkloadItem item -> workloadItem(item);
      case Distribution distribution -> distribution(distribution);
      case Share share -> measures(share.getAmount(), "what is placed", Dimension.SHARE);
      case Order order ->
          word(order, ScriptPackage.Literals.ORDER__ORDER, "order", Vocabulary.ORDERS);
      case Prefetch prefetch -> measures(prefetch.getDepth(), "a depth", Dimension.LAYERS);
      case WriteBack writeBack -> {
        word(writeBack, ScriptPackage.Literals.WRITE_BACK__ACTION, "action", List.of("write-back"));
        measures(writeBack.getInterval(), "an interval", Dimension.TOKENS);
      }
      case Sparse sparse ->
          word(
              sparse,
              ScriptPackage.Literals.SPARSE__METHOD,
              "sparse attention",
              Vocabulary.SPARSE_METHODS);
      case Ratio ratio -> ratio(ratio);
      case Approximate approximate -> {
        word(
            approximate,
            ScriptPackage.Literals.APPROXIMATE__METRIC,
            "measure of loss",
            Vocabulary.LOSS_METRICS);
        measures(approximate.getLoss(), "the loss that is allowed", Dimension.SHARE);
      }
      case Quantize quantize -> quantize(quantize);
      case Metric metric -> metric(metric);
      case Constraint constraint -> measuresMetric(constraint.getValue(), constraint.getMetric());
      case MetricExpectation expectation -> {
        measuresMetric(expectation.getValue(), expectation.getMetric());
        measuresMetric(expectation.getReference(), expectation.getMetric());
        measures(expectation.getTolerance(), "a tolerance", Dimension.SHARE);
      }
      case Setting setting -> setting(setting);
      case Range range -> range(range);
      default -> {}
    }
  }

  private void param(Param param) {
    if (param.getType() == null) {
      return;
    }
    Vocabulary.Entry type = Vocabulary.paramTypes().get(param.getType());
    if (type == null) {
      word(
          param,
          ScriptPackage.Literals.PARAM__TYPE,
          "type of a param",
          List.copyOf(Vocabulary.paramTypes().keySet()));
      return;
    }
    String what = "'" + param.getName() + "'";
    measures(param.getValue(), what, type.dimensions());
    measures(param.getDomain(), what, type.dimensions());
    if (param.getDomain() != null
        && Interval.of(param.getValue()).and(Interval.of(param.getDomain())).isEmpty()) {
      report.accept(
          Messages.outsideDomain(
              Spans.of(param.getValue()), param.getName(), Spans.of(param.getDomain())));
    }
  }

  private void property(Property property) {
    if (property.getName() == null) {
      if (property.isEmulated() && kindOf(property.eContainer()) != DeviceKind.CSD) {
        report.accept(
            Messages.unknownWord(
                Spans.of(property),
                "property of this",
                "emulated",
                List.copyOf(propertiesOf(property.eContainer()).keySet())));
      }
      return;
    }
    Map<String, Vocabulary.Entry> known = propertiesOf(property.eContainer());
    Vocabulary.Entry entry = known.get(property.getName());
    if (entry == null) {
      word(
          property,
          ScriptPackage.Literals.PROPERTY__NAME,
          "property of a " + describe(property.eContainer()),
          List.copyOf(known.keySet()));
      return;
    }
    if (property.getPrecision() != null && !entry.dimensions().contains(Dimension.COMPUTE)) {
      at(property, ScriptPackage.Literals.PROPERTY__PRECISION)
          .map(
              at ->
                  Messages.wrongUnit(at, property.getName(), "the same for every type", "per type"))
          .ifPresent(report);
    } else if (property.getPrecision() != null) {
      word(property, ScriptPackage.Literals.PROPERTY__PRECISION, "data type", Vocabulary.DTYPES);
    }
    if (entry.isText() && property.getValue() != null) {
      report.accept(
          Messages.wrongUnit(
              Spans.of(property.getValue()),
              property.getName(),
              "a text in \"quotes\"",
              "a value"));
    } else if (!entry.isText() && property.getText() != null) {
      at(property, ScriptPackage.Literals.PROPERTY__TEXT)
          .map(
              at -> Messages.wrongUnit(at, property.getName(), words(entry.dimensions()), "a text"))
          .ifPresent(report);
    }
    if (!entry.isText()) {
      measures(property.getValue(), property.getName(), entry.dimensions());
    }
  }

  private static Map<String, Vocabulary.Entry> propertiesOf(EObject owner) {
    DeviceKind kind = kindOf(owner);
    return owner instanceof Link || kind == null
        ? Vocabulary.linkProperties()
        : Vocabulary.deviceProperties(kind);
  }

  private static DeviceKind kindOf(EObject owner) {
    return switch (owner) {
      case Device device -> device.getKind();
      case DeviceType type -> type.getKind();
      default -> null;
    };
  }

  private static String describe(EObject owner) {
    DeviceKind kind = kindOf(owner);
    return kind == null ? "link" : kind.getLiteral();
  }

  private void date(Provenance provenance) {
    if (provenance.getDate() == null) {
      return;
    }
    try {
      LocalDate.parse(provenance.getDate());
    } catch (DateTimeException e) {
      at(provenance, ScriptPackage.Literals.PROVENANCE__DATE)
          .map(Messages::noSuchDay)
          .ifPresent(report);
    }
  }

  private void modelOption(ModelOption option) {
    word(
        option,
        ScriptPackage.Literals.MODEL_OPTION__NAME,
        "option of a model",
        Vocabulary.MODEL_OPTIONS);
    if ("dtype".equals(option.getName())) {
      if (option.getWord() == null) {
        report.accept(
            Messages.wrongUnit(
                Spans.of(option), "dtype", String.join(", ", Vocabulary.DTYPES), "this"));
      } else {
        word(option, ScriptPackage.Literals.MODEL_OPTION__WORD, "data type", Vocabulary.DTYPES);
      }
    } else if ("context".equals(option.getName())) {
      if (option.getValue() == null) {
        report.accept(
            Messages.wrongUnit(Spans.of(option), "context", Dimension.TOKENS.words(), "this"));
      } else {
        measures(option.getValue(), "context", Dimension.TOKENS);
      }
    }
  }

  private void workloadItem(WorkloadItem item) {
    if (item.getName() == null) {
      return;
    }
    Vocabulary.Entry entry = Vocabulary.workloadItems().get(item.getName());
    if (entry == null) {
      word(
          item,
          ScriptPackage.Literals.WORKLOAD_ITEM__NAME,
          "item of a workload",
          List.copyOf(Vocabulary.workloadItems().keySet()));
      return;
    }
    measures(item.getValue(), item.getName(), entry.dimensions());
    if (item.getDistribution() != null) {
      if (!entry.dimensions().contains(Dimension.TOKENS)) {
        report.accept(
            Messages.wrongUnit(
                Spans.of(item.getDistribution()), item.getName(), "one value", "a distribution"));
      }
      for (Percentile point : item.getDistribution().getPoints()) {
        measures(point.getValue(), item.getName(), entry.dimensions());
      }
    }
  }

  private void distribution(Distribution distribution) {
    var values = new EnumMap<PercentileName, BigDecimal>(PercentileName.class);
    Set<PercentileName> named = EnumSet.noneOf(PercentileName.class);
    for (Percentile point : distribution.getPoints()) {
      if (!named.add(point.getAt())) {
        report.accept(
            Messages.setTwice(
                Spans.of(point),
                point.getAt().getLiteral(),
                Spans.of(distribution.getPoints().getFirst()),
                false));
      }
      Interval value = Interval.of(point.getValue());
      if (value.low() != null) {
        values.put(point.getAt(), value.low());
      }
    }
    if (!named.containsAll(EnumSet.of(PercentileName.P50, PercentileName.MAX))) {
      report.accept(Messages.percentileMissing(Spans.of(distribution)));
    }
    List<BigDecimal> rising = new ArrayList<>(values.values());
    if (!rising.equals(rising.stream().sorted().toList())) {
      report.accept(Messages.percentilesFall(Spans.of(distribution)));
    }
  }

  private void ratio(Ratio ratio) {
    if (ratio.getNumerator() == null) {
      return;
    }
    BigDecimal whole =
        ratio.isPercent()
            ? BigDecimal.valueOf(100)
            : Optional.ofNullable(ratio.getDenominator()).orElse(BigDecimal.ONE);
    if (ratio.getNumerator().signum() <= 0 || ratio.getNumerator().compareTo(whole) > 0) {
      report.accept(
          Messages.outOfBounds(Spans.of(ratio), "a part", "more than nothing, at most the whole"));
    }
  }

  private void quantize(Quantize quantize) {
    if (quantize.getBits() < 1 || quantize.getBits() > MOST_BITS) {
      at(quantize, ScriptPackage.Literals.QUANTIZE__BITS)
          .map(at -> Messages.outOfBounds(at, "a number of bits", "from 1 to " + MOST_BITS))
          .ifPresent(report);
    }
    at(quantize, ScriptPackage.Literals.QUANTIZE__GROUP)
        .filter(_ -> quantize.getGroup() < 1)
        .map(at -> Messages.outOfBounds(at, "a group", "of 1 or more"))
        .ifPresent(report);
  }

  private void metric(Metric metric) {
    if (metric.getName() == null) {
      return;
    }
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
          default -> {
            word(
                metric,
                ScriptPackage.Literals.METRIC__NAME,
                "metric",
                List.copyOf(Vocabulary.metrics().keySet()));
            yield true;
          }
        };
    if (!fits) {
      report.accept(
          Messages.metricArguments(Spans.of(metric), metric.getName(), form(metric.getName())));
    }
  }

  private static boolean aspects(List<Argument> arguments, Set<Aspect> allowed) {
    return arguments.stream()
        .allMatch(one -> one instanceof AspectArgument word && allowed.contains(word.getAspect()));
  }

  private static String form(String metric) {
    return switch (metric) {
      case "throughput" -> "throughput, throughput(predicted) or throughput(measured)";
      case "latency" -> "latency(block), latency(token), latency(request) or latency(first)";
      case "share" -> "share(weights|kv|activations, DEVICE)";
      default -> metric + "(DEVICE)";
    };
  }

  private void setting(Setting setting) {
    switch (setting.getTarget()) {
      case Param param when !param.eIsProxy() -> {
        if (setting.getProperty() != null) {
          word(setting, ScriptPackage.Literals.SETTING__PROPERTY, "part of a param", List.of());
        }
        Vocabulary.Entry type = Vocabulary.paramTypes().get(param.getType());
        if (type != null) {
          measures(setting.getValue(), "'" + param.getName() + "'", type.dimensions());
        }
        if (param.getDomain() != null
            && Interval.of(setting.getValue()).and(Interval.of(param.getDomain())).isEmpty()) {
          report.accept(
              Messages.outsideDomain(
                  Spans.of(setting.getValue()), param.getName(), Spans.of(param.getDomain())));
        }
      }
      case Device device when !device.eIsProxy() ->
          settingOf(
              setting, device.getName(), Vocabulary.deviceProperties(device.getKind()), "device");
      case Workload workload when !workload.eIsProxy() ->
          settingOf(setting, workload.getName(), Vocabulary.workloadItems(), "workload");
      case null, default -> {}
    }
  }

  private void settingOf(
      Setting setting, String name, Map<String, Vocabulary.Entry> known, String kind) {
    if (setting.getProperty() == null) {
      report.accept(
          Messages.outOfBounds(
              Spans.of(setting),
              "what is set of the %s '%s'".formatted(kind, name),
              "named: " + name + "." + known.keySet().iterator().next() + " = …"));
      return;
    }
    Vocabulary.Entry entry = known.get(setting.getProperty());
    if (entry == null || entry.isText()) {
      at(setting, ScriptPackage.Literals.SETTING__PROPERTY)
          .map(
              at ->
                  Messages.unknownWord(
                      at,
                      "value of a " + kind,
                      setting.getProperty(),
                      known.entrySet().stream()
                          .filter(one -> !one.getValue().isText())
                          .map(Map.Entry::getKey)
                          .toList()))
          .ifPresent(report);
      return;
    }
    measures(setting.getValue(), setting.getProperty(), entry.dimensions());
  }

  private void range(Range range) {
    if (Interval.of(range).isEmpty()) {
      String step = range.getStep() == null ? "" : " step " + Spans.text(range.getStep());
      report.accept(
          Messages.emptyRange(
              Spans.of(range),
              Spans.text(range.getHigh()) + ".." + Spans.text(range.getLow()) + step));
    }
    if (range.getStep() instanceof Quantity step
        && step.getNumber() != null
        && step.getNumber().signum() <= 0) {
      report.accept(Messages.stepNotPositive(Spans.of(step)));
    }
  }

  private void measuresMetric(Scalar value, Metric metric) {
    if (metric == null || metric.getName() == null) {
      return;
    }
    Vocabulary.Entry entry = Vocabulary.metrics().get(metric.getName());
    if (entry != null) {
      measures(value, metric.getName(), entry.dimensions());
    }
  }

  private void measures(ValueSet set, String what, Dimension due) {
    measures(set, what, Set.of(due));
  }

  /** Reports each quantity of a set that does not measure one of {@code due}. */
  private void measures(ValueSet set, String what, Set<Dimension> due) {
    switch (set) {
      case Quantity quantity -> quantity(quantity, what, due);
      case ParamRef reference -> reference(reference, what, due);
      case Comparison comparison -> measures(comparison.getValue(), what, due);
      case Range range -> {
        measures(range.getLow(), what, due);
        measures(range.getHigh(), what, due);
        measures(range.getStep(), what, due);
      }
      case Auto auto -> measures(auto.getDomain(), what, due);
      case null, default -> {}
    }
  }

  private void quantity(Quantity quantity, String what, Set<Dimension> due) {
    Optional<Amount> amount = Amount.of(quantity);
    if (amount.isEmpty()) {
      if (quantity.getNumber() != null) {
        report.accept(
            Messages.wrongUnit(Spans.of(quantity), what, words(due), "in " + quantity.getUnit()));
      }
      return;
    }
    if (due.contains(amount.get().dimension())) {
      return;
    }
    if (amount.get().dimension() == Dimension.COUNT) {
      report.accept(
          Messages.bareNumber(
              Spans.of(quantity),
              what,
              due.stream().sorted().findFirst().orElseThrow(),
              quantity.getNumber().toPlainString()));
    } else {
      report.accept(
          Messages.wrongUnit(
              Spans.of(quantity),
              what,
              words(due),
              quantity.getNumber().toPlainString(),
              quantity.getUnit(),
              near(quantity.getUnit(), due)));
    }
  }

  /** Units that would do and say nearly the same: a rate for its amount, an amount for its rate. */
  private static List<String> near(String unit, Set<Dimension> due) {
    String other = unit.endsWith("/s") ? unit.substring(0, unit.length() - 2) : unit + "/s";
    return Unit.of(other).filter(one -> due.contains(one.dimension())).isPresent()
        ? List.of(other)
        : due.equals(Set.of(Dimension.COUNT)) ? List.of("") : List.of();
  }

  private void reference(ParamRef reference, String what, Set<Dimension> due) {
    Param param = reference.getParam();
    if (param == null || param.eIsProxy()) {
      return;
    }
    Vocabulary.Entry type = Vocabulary.paramTypes().get(param.getType());
    if (type != null && due.stream().noneMatch(type.dimensions()::contains)) {
      report.accept(
          Messages.wrongUnit(
              Spans.of(reference), what, words(due), "a param of type " + param.getType()));
    }
  }

  private static String words(Set<Dimension> due) {
    return due.stream().sorted().map(Dimension::words).collect(Collectors.joining(" or "));
  }

  private void word(EObject object, EStructuralFeature feature, String what, List<String> known) {
    Object word = object.eGet(feature);
    if (word != null && !known.contains(word.toString())) {
      at(object, feature)
          .map(at -> Messages.unknownWord(at, what, word.toString(), known))
          .ifPresent(report);
    }
  }

  private static Optional<SourceSpan> at(EObject object, EStructuralFeature feature) {
    return Spans.of(object, feature);
  }
}
