package dev.stowage.compiler.resolve;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Aspect;
import dev.stowage.dsl.script.AspectArgument;
import dev.stowage.dsl.script.Constraint;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.DeviceArgument;
import dev.stowage.dsl.script.Direction;
import dev.stowage.dsl.script.Expect;
import dev.stowage.dsl.script.Goal;
import dev.stowage.dsl.script.Infeasible;
import dev.stowage.dsl.script.Metric;
import dev.stowage.dsl.script.MetricExpectation;
import dev.stowage.dsl.script.Objective;
import dev.stowage.dsl.script.Operator;
import dev.stowage.dsl.script.Place;
import dev.stowage.dsl.script.PlaceItem;
import dev.stowage.dsl.script.PlaceRule;
import dev.stowage.dsl.script.Preference;
import dev.stowage.dsl.script.Segment;
import dev.stowage.dsl.script.Selector;
import dev.stowage.dsl.script.Share;
import dev.stowage.dsl.script.Split;
import dev.stowage.dsl.script.Subject;
import dev.stowage.dsl.script.SubjectArgument;
import dev.stowage.optimizer.Bounds;
import dev.stowage.optimizer.KvAxis;
import dev.stowage.optimizer.Source;
import dev.stowage.optimizer.Thing;
import dev.stowage.plan.Machine;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Range;
import dev.stowage.plan.Weight;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.xtext.nodemodel.util.NodeModelUtils;

/** What a plan says of shares, goals and expectations, as the optimizer's bounds. */
final class Placements {
  private final Values values;
  private final List<Diagnostic> diagnostics;
  private final Map<Source, SourceSpan> spans;
  private final Machines machines;
  private final Machine machine;
  private final ModelShape shape;
  private final boolean canRun;

  Placements(
      Values values,
      List<Diagnostic> diagnostics,
      Map<Source, SourceSpan> spans,
      Machines machines,
      Machine machine,
      ModelShape shape,
      boolean canRun) {
    this.values = values;
    this.diagnostics = diagnostics;
    this.spans = spans;
    this.machines = machines;
    this.machine = machine;
    this.shape = shape;
    this.canRun = canRun;
  }

  Bounds bounds(
      List<Place> places, List<Objective> objectives, List<Bounds.AttentionPlace> attention) {
    var only = new ArrayList<Bounds.OnlyOn>();
    var shares = new ArrayList<Bounds.Share>();
    var preferences = new ArrayList<Bounds.Preference>();
    var axis = new HashMap<KvAxis, PlaceRule>();
    for (var place : places) {
      for (PlaceItem item : place.getRules()) {
        switch (item) {
          case PlaceRule rule -> add(rule, only, shares, axis);
          case Preference preference -> prefer(preference, preferences);
          default -> throw new IllegalStateException("a place item of no kind: " + item);
        }
      }
    }
    contradictions(shares);
    diagnostics.addAll(Lint.redundant(shares, spans));
    if (axis.size() > 1) {
      var rules = List.copyOf(axis.values());
      diagnostics.add(
          Messages.nothingLeft(Spans.of(rules.get(1)), "how kv is split", Spans.of(rules.get(0))));
    }
    return new Bounds(
        only,
        shares,
        preferences,
        levels(objectives),
        axis.keySet().stream().findFirst().orElse(KvAxis.TOKENS),
        attention);
  }

  private void add(
      PlaceRule rule,
      List<Bounds.OnlyOn> only,
      List<Bounds.Share> shares,
      Map<KvAxis, PlaceRule> axis) {
    var thing = thing(rule);
    if (thing.isEmpty()) {
      return;
    }
    if (rule.getSplit() != Split.AUTO) {
      if (rule.getSubject() != Subject.KV) {
        diagnostics.add(
            Messages.cannotHold(
                Spans.of(rule), "'split'", rule.getSubject().getLiteral(), "Only kv is split so."));
      } else {
        axis.putIfAbsent(axis(rule.getSplit()), rule);
      }
    }
    var source = Resolver.source(rule, spans);
    var devices = new ArrayList<String>();
    double least = 0;
    double most = 0;
    for (Share share : rule.getShares()) {
      var names = machines.names(share.getDevice());
      if (!canHold(rule, share)) {
        return;
      }
      devices.addAll(names);
      var allowed = values.of(share.getAmount()).within(0, 1);
      if (allowed.low() > allowed.high()) {
        diagnostics.add(
            Messages.nothingLeft(
                Spans.of(share), "the share on " + share.getDevice().getName(), Spans.of(share)));
        return;
      }
      least += allowed.low();
      most += allowed.high();
      if (allowed.low() > 0 || allowed.high() < 1) {
        shares.add(
            new Bounds.Share(
                thing.get(), names, allowed.low(), allowed.high(), shareSource(rule, share)));
      }
    }
    if (most < 1 - 1e-9) {
      diagnostics.add(Messages.sharesBelowOne(Spans.of(rule), source.text(), most));
    }
    if (least > 1 + 1e-9) {
      diagnostics.add(Messages.sharesAboveOne(Spans.of(rule), source.text(), least));
    }
    only.add(new Bounds.OnlyOn(thing.get(), devices, source));
  }

  /** {@code kv on t4 >= 20%}: the words of one share of a rule, under the rule's subject. */
  private Source shareSource(PlaceRule rule, Share share) {
    var whole = Resolver.source(share, spans);
    var subject = new StringBuilder(rule.getSubject().getLiteral());
    if (!rule.getSelectors().isEmpty()) {
      subject.append(" of ");
      subject.append(
          String.join(", ", rule.getSelectors().stream().map(Placements::text).toList()));
    }
    var named =
        new Source(whole.file(), whole.offset(), whole.length(), subject + " on " + whole.text());
    spans.put(named, spans.get(whole));
    return named;
  }

  private boolean canHold(PlaceRule rule, Share share) {
    var name = share.getDevice().getName();
    switch (rule.getSubject()) {
      case WEIGHTS -> {
        if (share.getDevice().getKind() == dev.stowage.dsl.script.DeviceKind.CSD) {
          diagnostics.add(
              Messages.cannotHold(
                  Spans.of(share),
                  name,
                  "weights",
                  "A drive computes attention only; declare a disk for them."));
          return false;
        }
      }
      case ACTIVATIONS -> {
        if (share.getDevice().getKind() == dev.stowage.dsl.script.DeviceKind.CSD
            || share.getDevice().getKind() == dev.stowage.dsl.script.DeviceKind.DISK) {
          diagnostics.add(
              Messages.cannotHold(
                  Spans.of(share), name, "activations", "They wait on a gpu or in host memory."));
          return false;
        }
      }
      case KV -> {}
    }
    return true;
  }

  private void prefer(Preference preference, List<Bounds.Preference> preferences) {
    var rule = preference.getRule();
    var thing = thing(rule);
    if (thing.isEmpty()) {
      return;
    }
    for (Share share : rule.getShares()) {
      if (!canHold(rule, share)) {
        return;
      }
      var allowed = values.of(share.getAmount()).within(0, 1);
      if (allowed.low() <= allowed.high()) {
        preferences.add(
            new Bounds.Preference(
                thing.get(),
                machines.names(share.getDevice()),
                allowed.low(),
                allowed.high(),
                preference.getWeight().doubleValue(),
                Resolver.source(preference, spans)));
      }
    }
  }

  /** Two statements about one thing and one device that leave nothing cite both places. */
  private void contradictions(List<Bounds.Share> shares) {
    for (int i = 0; i < shares.size(); i++) {
      for (int j = 0; j < i; j++) {
        var one = shares.get(j);
        var other = shares.get(i);
        boolean same = one.thing().equals(other.thing()) && one.devices().equals(other.devices());
        if (same
            && Math.max(one.atLeast(), other.atLeast()) > Math.min(one.atMost(), other.atMost())) {
          diagnostics.add(
              Messages.nothingLeft(
                  spans.get(other.source()),
                  other.thing().word() + " on " + String.join(", ", other.devices()),
                  spans.get(one.source())));
        }
      }
    }
  }

  private static KvAxis axis(Split split) {
    return switch (split) {
      case AUTO -> throw new IllegalStateException("nothing is said of the split");
      case HEADS -> KvAxis.HEADS;
      case TOKENS -> KvAxis.TOKENS;
      case SEQUENCES -> KvAxis.SEQUENCES;
    };
  }

  // -- selectors

  private Optional<Thing> thing(PlaceRule rule) {
    return switch (rule.getSubject()) {
      case KV -> plain(rule, new Thing.Kv());
      case ACTIVATIONS -> plain(rule, new Thing.Activations());
      case WEIGHTS -> weights(rule);
    };
  }

  private Optional<Thing> plain(PlaceRule rule, Thing thing) {
    if (rule.getSelectors().isEmpty()) {
      return Optional.of(thing);
    }
    diagnostics.add(
        Messages.notYet(
            Spans.of(rule.getSelectors().getFirst()), "Selecting parts of " + thing.word()));
    return Optional.empty();
  }

  private Optional<Thing> weights(PlaceRule rule) {
    if (rule.getSelectors().isEmpty()) {
      return Optional.of(Thing.Weights.all(shape));
    }
    var matrices = EnumSet.noneOf(Weight.class);
    Range layers = null;
    boolean ok = true;
    for (Selector selector : rule.getSelectors()) {
      var selected = select(selector);
      if (selected.isEmpty()) {
        ok = false;
        continue;
      }
      matrices.addAll(selected.get().matrices());
      if (selected.get().matrices().stream().anyMatch(Weight::perLayer)) {
        if (layers != null && !layers.equals(selected.get().layers())) {
          diagnostics.add(
              Messages.notYet(
                  Spans.of(selector), "One rule over different layers; write a rule for each"));
          ok = false;
        }
        layers = selected.get().layers();
      }
    }
    return ok
        ? Optional.of(
            new Thing.Weights(matrices, layers == null ? Range.upTo(shape.layers()) : layers))
        : Optional.empty();
  }

  /** {@code embed}, {@code head}, {@code layers[0..3]}, {@code layers[*].attn.q}. */
  private Optional<Thing.Weights> select(Selector selector) {
    var segments = selector.getSegments();
    var first = segments.getFirst();
    var path = segments.stream().skip(1).map(Segment::getName).toList();
    var layers = Range.upTo(shape.layers());
    String prefix;
    switch (first.getName()) {
      case "embed", "head" -> prefix = first.getName();
      case "layers" -> {
        var range = layers(first);
        if (range.isEmpty()) {
          return Optional.empty();
        }
        layers = range.get();
        prefix = "";
      }
      default -> {
        diagnostics.add(
            Messages.emptySelector(
                Spans.of(selector),
                text(selector),
                "Write embed, head, layers[0..3], layers[*].attn, layers[*].mlp.up or the like."));
        return Optional.empty();
      }
    }
    var wanted = String.join(".", path);
    var matrices = EnumSet.noneOf(Weight.class);
    for (var weight : Weight.values()) {
      if (shape.rows(weight) > 0 && matches(weight, prefix, wanted)) {
        matrices.add(weight);
      }
    }
    if (prefix.equals("head") && wanted.isEmpty() && shape.tiedHead()) {
      matrices.add(Weight.TOKENS); // the head is the embedding's rows
    }
    if (matrices.isEmpty()) {
      diagnostics.add(
          Messages.emptySelector(
              Spans.of(selector), text(selector), "Its matrices are: " + known()));
      return Optional.empty();
    }
    return Optional.of(new Thing.Weights(matrices, layers));
  }

  private static boolean matches(Weight weight, String prefix, String wanted) {
    var word = weight.word();
    if (prefix.isEmpty()) {
      return weight.perLayer()
          && (wanted.isEmpty() || word.equals(wanted) || word.startsWith(wanted + "."));
    }
    var full = wanted.isEmpty() ? prefix : prefix + "." + wanted;
    return word.equals(full) || word.startsWith(full + ".");
  }

  private String known() {
    var words = new ArrayList<String>();
    for (var weight : Weight.values()) {
      if (shape.rows(weight) > 0) {
        words.add(weight.perLayer() ? "layers[*]." + weight.word() : weight.word());
      }
    }
    return String.join(", ", words);
  }

  /**
   * {@code layers}, {@code layers[*]}, {@code layers[3]}, {@code layers[0..3]}: both ends included.
   */
  private Optional<Range> layers(Segment segment) {
    if (segment.isAll() || segment.getIndices().isEmpty()) {
      return Optional.of(Range.upTo(shape.layers()));
    }
    if (segment.getIndices().size() > 1) {
      diagnostics.add(
          Messages.notYet(
              Spans.of(segment), "One rule over several ranges of layers; write a rule for each"));
      return Optional.empty();
    }
    var index = segment.getIndices().getFirst();
    boolean range =
        Spans.of(index, dev.stowage.dsl.script.ScriptPackage.Literals.INDEX_RANGE__LAST)
            .isPresent();
    int last = range ? index.getLast() : index.getFirst();
    if (last < index.getFirst() || last >= shape.layers()) {
      diagnostics.add(
          Messages.emptySelector(
              Spans.of(segment),
              text(segment),
              "The model's layers are 0..%d.".formatted(shape.layers() - 1)));
      return Optional.empty();
    }
    return Optional.of(new Range(index.getFirst(), last + 1));
  }

  private static String text(EObject object) {
    return NodeModelUtils.getTokenText(NodeModelUtils.findActualNodeFor(object)).strip();
  }

  // -- goals

  dev.stowage.optimizer.Objective objective(List<Objective> objectives) {
    if (objectives.isEmpty()) {
      return dev.stowage.optimizer.Objective.throughput();
    }
    if (objectives.size() > 1) {
      diagnostics.add(
          Messages.twice(
              Spans.of(objectives.get(1)), "objective", Spans.of(objectives.getFirst())));
    }
    var objective = objectives.getFirst();
    var first = goal(objective.getGoal());
    var then = new ArrayList<dev.stowage.optimizer.Objective.Goal>();
    objective.getTieBreaks().forEach(goal -> goal(goal).ifPresent(then::add));
    return first.isEmpty()
        ? dev.stowage.optimizer.Objective.throughput()
        : new dev.stowage.optimizer.Objective(first.get(), then);
  }

  private Optional<dev.stowage.optimizer.Objective.Goal> goal(Goal goal) {
    var metric = goal.getMetric();
    boolean maximize = goal.getDirection() == Direction.MAXIMIZE;
    switch (metric.getName()) {
      case "throughput" -> {
        if (maximize && metric.getArguments().isEmpty()) {
          return Optional.of(new dev.stowage.optimizer.Objective.Goal.MaximizeThroughput());
        }
      }
      case "latency" -> {
        if (!maximize && isBlock(metric)) {
          return Optional.of(new dev.stowage.optimizer.Objective.Goal.MinimizeLatency());
        }
      }
      case "peak" -> {
        var device = device(metric);
        if (!maximize && device.isPresent() && machines.names(device.get()).size() == 1) {
          return Optional.of(
              new dev.stowage.optimizer.Objective.Goal.MinimizePeak(device.get().getName()));
        }
      }
      default -> {}
    }
    diagnostics.add(
        Messages.notYet(
            Spans.of(goal),
            "'%s' (maximize throughput, minimize latency(block) and minimize peak(DEVICE) are)"
                .formatted(text(goal))));
    return Optional.empty();
  }

  private List<Bounds.ServiceLevel> levels(List<Objective> objectives) {
    var levels = new ArrayList<Bounds.ServiceLevel>();
    for (var objective : objectives) {
      for (Constraint constraint : objective.getConstraints()) {
        level(constraint).ifPresent(levels::add);
      }
    }
    return levels;
  }

  private Optional<Bounds.ServiceLevel> level(Constraint constraint) {
    var metric = constraint.getMetric();
    var operator = constraint.getOperator();
    double value = values.of(constraint.getValue()).high();
    var source = Resolver.source(constraint, spans);
    if ((operator == Operator.AT_MOST || operator == Operator.LESS) && value > 0) {
      if (metric.getName().equals("latency") && isBlock(metric)) {
        return Optional.of(new Bounds.ServiceLevel.BlockLatency(value, source));
      }
      var device = device(metric);
      if (metric.getName().equals("peak")
          && device.isPresent()
          && machines.names(device.get()).size() == 1) {
        return Optional.of(
            new Bounds.ServiceLevel.Peak(device.get().getName(), (long) value, source));
      }
    }
    diagnostics.add(
        Messages.notYet(
            Spans.of(constraint),
            "'%s' (latency(block) <= TIME and peak(DEVICE) <= BYTES are)"
                .formatted(text(constraint))));
    return Optional.empty();
  }

  private static boolean isBlock(Metric metric) {
    return metric.getArguments().isEmpty()
        || metric.getArguments().size() == 1
            && metric.getArguments().getFirst() instanceof AspectArgument aspect
            && aspect.getAspect() == Aspect.BLOCK;
  }

  private static Optional<Device> device(Metric metric) {
    return metric.getArguments().size() == 1
            && metric.getArguments().getFirst() instanceof DeviceArgument argument
        ? Optional.of(argument.getDevice())
        : Optional.empty();
  }

  // -- expectations

  List<Expectation> expectations(List<Expect> expects) {
    var expectations = new ArrayList<Expectation>();
    for (var expect : expects) {
      switch (expect.getExpectation()) {
        case Infeasible infeasible ->
            diagnostics.add(
                Messages.notYet(Spans.of(expect), "'expect infeasible' outside a test"));
        case MetricExpectation metric -> expectation(expect, metric).ifPresent(expectations::add);
        default -> throw new IllegalStateException("an expectation of no kind: " + expect);
      }
    }
    return expectations;
  }

  private Optional<Expectation> expectation(Expect expect, MetricExpectation expectation) {
    var metric = expectation.getMetric();
    if (metric.getArguments().stream()
        .anyMatch(
            a -> a instanceof AspectArgument aspect && aspect.getAspect() == Aspect.MEASURED)) {
      diagnostics.add(
          Messages.later(canRun, Spans.of(expect), "Checking what is expected of measured values"));
      return Optional.empty();
    }
    var quantity = quantity(metric);
    if (quantity.isEmpty() || expectation.getValue() == null) {
      diagnostics.add(Messages.notYet(Spans.of(expect), "'%s'".formatted(text(expectation))));
      return Optional.empty();
    }
    double value = values.of(expectation.getValue()).low();
    var allowed =
        switch (expectation.getOperator()) {
          case AT_LEAST -> new double[] {value, Double.POSITIVE_INFINITY};
          case MORE -> new double[] {Math.nextUp(value), Double.POSITIVE_INFINITY};
          case AT_MOST -> new double[] {Double.NEGATIVE_INFINITY, value};
          case LESS -> new double[] {Double.NEGATIVE_INFINITY, Math.nextDown(value)};
          case EQUAL -> new double[] {value, value};
        };
    return Optional.of(
        new Expectation(
            quantity.get(), allowed[0], allowed[1], text(expectation), Spans.of(expect)));
  }

  private Optional<Expectation.Quantity> quantity(Metric metric) {
    var arguments = metric.getArguments();
    boolean predicted =
        arguments.size() == 1
            && arguments.getFirst() instanceof AspectArgument aspect
            && aspect.getAspect() == Aspect.PREDICTED;
    return switch (metric.getName()) {
      case "throughput" ->
          arguments.isEmpty() || predicted
              ? Optional.of(new Expectation.Quantity.Throughput())
              : Optional.empty();
      case "latency" ->
          isBlock(metric) || predicted
              ? Optional.of(new Expectation.Quantity.BlockLatency())
              : Optional.empty();
      case "peak" -> device(metric).map(d -> new Expectation.Quantity.Peak(d.getName()));
      case "share" ->
          arguments.size() == 2
                  && arguments.get(0) instanceof SubjectArgument subject
                  && arguments.get(1) instanceof DeviceArgument device
              ? Optional.of(
                  new Expectation.Quantity.Share(
                      subject.getSubject().getLiteral(), device.getDevice().getName()))
              : Optional.empty();
      default -> Optional.empty();
    };
  }
}
