package dev.stowage.compiler.resolve;

import dev.stowage.dsl.SourceSpan;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Attention;
import dev.stowage.dsl.script.Order;
import dev.stowage.dsl.script.Overlap;
import dev.stowage.dsl.script.Phase;
import dev.stowage.dsl.script.Pin;
import dev.stowage.dsl.script.Prefetch;
import dev.stowage.dsl.script.Sparse;
import dev.stowage.dsl.script.Subject;
import dev.stowage.dsl.script.WriteBack;
import dev.stowage.optimizer.Bounds;
import dev.stowage.optimizer.Choices;
import dev.stowage.optimizer.Problem;
import dev.stowage.plan.Buffer;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.Schedule;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.eclipse.emf.ecore.EObject;

/** What a plan says of order, overlap, prefetch and where attention runs. */
final class Schedules {
  private static final int MOST_PREFETCH = 64;

  /** Far more than any drive's DRAM holds; whole token groups are taken in any case. */
  private static final int MOST_GATHERED = 1 << 20;

  /**
   * How the plan runs.
   *
   * @param computing the devices of matrix products and of attention in prefill: one, or gpus over
   *     which layers are cut
   * @param prefetch layers whose weights are loaded ahead
   * @param lanes whether attention on drives and writes of KV run beside the compute lane
   * @param writeBack how many tokens of KV drives gather
   * @param pin what was said of page-locked memory, if not that of all
   * @param wholeBlock what said that all requests walk through each layer together
   * @param diagonal what said that requests begin one after another
   */
  record How(
      List<String> computing,
      Schedule.Order order,
      Choices prefetch,
      boolean lanes,
      List<Bounds.AttentionPlace> attention,
      Optional<Resolved.WriteBack> writeBack,
      Optional<Resolved.Pin> pin,
      Optional<SourceSpan> wholeBlock,
      Optional<Resolved.Diagonal> diagonal) {}

  /** A value, and the statement that decided it. */
  private record Said<T>(T value, EObject by) {}

  private final Scope scope;
  private Said<List<String>> computing;
  private Said<String> order;
  private Said<Choices> prefetch;
  private Said<Set<Subject>> overlap;
  private Said<Integer> writeBack;
  private Said<Set<Buffer.Purpose>> pin;
  private final List<Bounds.AttentionPlace> attention = new ArrayList<>();

  Schedules(Scope scope) {
    this.scope = scope;
  }

  How how(List<dev.stowage.dsl.script.Schedule> schedules) {
    for (var schedule : schedules) {
      for (var item : schedule.getItems()) {
        switch (item) {
          case Order o -> order = narrow(order, o.getOrder(), o, "the order");
          case Overlap o -> overlap = narrow(overlap, overlapped(o), o, "what overlaps");
          case Prefetch p -> add(p);
          case Pin p -> add(p);
          case WriteBack w -> add(w);
          case Attention a when a.getMode() instanceof Sparse ->
              scope.report(Messages.sparseOutsideApproximate(Spans.of(a)));
          case Attention a when a.getPhase() == Phase.PREFILL ->
              prefillAt(a)
                  .ifPresent(at -> computing = narrow(computing, at, a, "where prefill attends"));
          case Attention a -> attentionPlace(a).ifPresent(attention::add);
          default -> throw new IllegalStateException("a schedule item of no kind: " + item);
        }
      }
    }
    defaults();
    boolean weightsAhead = overlap == null || overlap.value().contains(Subject.WEIGHTS);
    return new How(
        computing(),
        order(),
        prefetch(weightsAhead),
        overlap == null || overlap.value().contains(Subject.KV),
        attention,
        writeBack == null
            ? Optional.empty()
            : Optional.of(
                new Resolved.WriteBack(
                    writeBack.value(), Scope.text(writeBack.by()), Spans.of(writeBack.by()))),
        pin == null || pin.value().isEmpty()
            ? Optional.empty()
            : Optional.of(new Resolved.Pin(pin.value(), Scope.text(pin.by()), Spans.of(pin.by()))),
        order != null && order.value().equals("column")
            ? Optional.of(Spans.of(order.by()))
            : Optional.empty(),
        order != null && order.value().equals("diagonal")
            ? Optional.of(new Resolved.Diagonal(Scope.text(order.by()), Spans.of(order.by())))
            : Optional.empty());
  }

  private List<String> computing() {
    return computing == null ? Problem.defaultComputing(scope.machine()) : computing.value();
  }

  /** Several gpus work side by side unless the plan says otherwise. */
  private Schedule.Order order() {
    if (order == null) {
      return computing().size() > 1 ? new Schedule.Order.Pipeline() : new Schedule.Order.ZigZag();
    }
    return switch (order.value()) {
      case "row" -> new Schedule.Order.RowByRow();
      case "pipeline" -> new Schedule.Order.Pipeline();
      default -> new Schedule.Order.ZigZag();
    };
  }

  /** What is said again is redundant, what is said otherwise leaves nothing. */
  private <T> Said<T> narrow(Said<T> before, T value, EObject by, String what) {
    if (before == null) {
      return new Said<>(value, by);
    }
    scope.report(
        Objects.equals(before.value(), value)
            ? Messages.redundant(
                Spans.of(by), Scope.text(by), Scope.text(before.by()), Spans.of(before.by()))
            : Messages.nothingLeft(Spans.of(by), what, Spans.of(before.by())));
    return before;
  }

  private Set<Subject> overlapped(Overlap overlap) {
    if (overlap.isAll()) {
      return EnumSet.allOf(Subject.class);
    }
    var subjects = EnumSet.noneOf(Subject.class);
    subjects.addAll(overlap.getSubjects());
    if (subjects.contains(Subject.ACTIVATIONS)) {
      scope.report(Messages.activationsMoveInLine(Spans.of(overlap)));
    }
    return subjects;
  }

  private void defaults() {
    var usual = computing().size() > 1 ? "pipeline" : "zig-zag";
    if (order != null && order.value().equals(usual)) {
      scope.report(Messages.isDefault(Spans.of(order.by()), Scope.text(order.by())));
    }
    if (overlap != null && overlap.value().containsAll(EnumSet.of(Subject.WEIGHTS, Subject.KV))) {
      scope.report(Messages.isDefault(Spans.of(overlap.by()), Scope.text(overlap.by())));
    }
    if (order != null && order.value().equals("pipeline") && computing().size() == 1) {
      scope.report(
          Messages.actsOnNothing(
              Spans.of(order.by()),
              Scope.text(order.by()),
              "A pipeline needs several gpus that compute."));
    }
    if (computing != null && computing.value().equals(Problem.defaultComputing(scope.machine()))) {
      scope.report(Messages.isDefault(Spans.of(computing.by()), Scope.text(computing.by())));
    }
  }

  private Choices prefetch(boolean weightsAhead) {
    if (prefetch == null) {
      return weightsAhead ? Choices.range(0, 1) : Choices.fixed(0);
    }
    if (!weightsAhead && !prefetch.value().allows(0)) {
      scope.report(
          Messages.nothingLeft(
              Spans.of(prefetch.by()), "how far weights run ahead", Spans.of(overlap.by())));
    }
    return weightsAhead ? prefetch.value() : Choices.fixed(0);
  }

  private void add(Prefetch depth) {
    var allowed = scope.values().of(depth.getDepth());
    double low = Double.isInfinite(allowed.low()) ? 0 : allowed.low();
    double high = Double.isInfinite(allowed.high()) ? Math.max(1, low) : allowed.high();
    double step = allowed.step().orElse(1);
    if (!isWhole(low, 0) || !isWhole(high, 0) || !isWhole(step, 1) || high < low) {
      scope.report(
          Messages.badCount(Spans.of(depth), "prefetch", "of layers from 0 to " + MOST_PREFETCH));
      return;
    }
    var choices = new Choices((int) low, (int) high, (int) step);
    if (prefetch != null) {
      int from = Math.max(prefetch.value().from(), choices.from());
      int to = Math.min(prefetch.value().last(), choices.last());
      if (from > to) {
        scope.report(
            Messages.nothingLeft(
                Spans.of(depth), "how far weights run ahead", Spans.of(prefetch.by())));
        return;
      }
      choices = Choices.range(from, to);
    }
    prefetch = new Said<>(choices, depth);
  }

  private static boolean isWhole(double value, int least) {
    return value == Math.rint(value) && value >= least && value <= MOST_PREFETCH;
  }

  private void add(WriteBack writeBack) {
    if (writeBack.getSubject() != Subject.KV) {
      scope.report(
          Messages.cannotHold(
              Spans.of(writeBack),
              "'write-back'",
              writeBack.getSubject().getLiteral(),
              "Only kv is written while a plan runs."));
      return;
    }
    if (hasNo(DeviceKind.CSD)) {
      scope.report(
          Messages.actsOnNothing(
              Spans.of(writeBack),
              Scope.text(writeBack),
              "Only a csd gathers tokens before it programs them, and the platform has none."));
      return;
    }
    double tokens = scope.values().one(writeBack.getInterval());
    if (tokens != Math.rint(tokens) || tokens < 1 || tokens > MOST_GATHERED) {
      scope.report(
          Messages.badCount(
              Spans.of(writeBack), "write-back", "of tokens from 1 to " + MOST_GATHERED));
      return;
    }
    this.writeBack = narrow(this.writeBack, (int) tokens, writeBack, "how often kv is written");
  }

  /**
   * Memory is pinned so that a card can copy from it by itself: all that it copies, unless said.
   */
  private void add(Pin pin) {
    if (hasNo(DeviceKind.GPU)) {
      scope.report(
          Messages.actsOnNothing(
              Spans.of(pin),
              Scope.text(pin),
              "Pinned memory matters only to a gpu, and the platform has none."));
    } else {
      var pageable = pageable(pin);
      this.pin = narrow(this.pin, pageable, pin, "which memory is pinned");
      if (pageable.isEmpty() && this.pin.by() == pin) {
        scope.report(Messages.isDefault(Spans.of(pin), Scope.text(pin)));
      }
    }
  }

  /** What a statement leaves pageable. Activations wait in memory that is always page-locked. */
  private static Set<Buffer.Purpose> pageable(Pin pin) {
    var pageable = EnumSet.copyOf(Schedule.LOCKABLE);
    if (pin.isAll()) {
      pageable.clear();
    }
    if (pin.getSubjects().contains(Subject.WEIGHTS)) {
      pageable.remove(Buffer.Purpose.WEIGHTS);
    }
    if (pin.getSubjects().contains(Subject.KV)) {
      pageable.remove(Buffer.Purpose.KV);
    }
    return pageable;
  }

  private boolean hasNo(DeviceKind kind) {
    return scope.machine().devices().stream().noneMatch(device -> device.kind() == kind);
  }

  /** Matrix products run where prefill attention does: on a host or a gpu, or on several gpus. */
  private Optional<List<String>> prefillAt(Attention attention) {
    if (attention.isAuto()) {
      scope.report(Messages.isDefault(Spans.of(attention), Scope.text(attention)));
      return Optional.empty();
    }
    var names = scope.names(attention.getDevices()).stream().distinct().toList();
    for (var name : names) {
      var kind = scope.machine().device(name).kind();
      if (kind != DeviceKind.GPU && kind != DeviceKind.HOST) {
        scope.report(
            Messages.cannotHold(
                Spans.of(attention), name, "prefill attention", "It runs on a gpu or a host."));
        return Optional.empty();
      }
      if (attention.getCondition() != null || kind != DeviceKind.GPU && names.size() > 1) {
        scope.report(Messages.onePlaceForPrefill(Spans.of(attention)));
        return Optional.empty();
      }
    }
    return Optional.of(names);
  }

  /** Where decode attention runs. */
  Optional<Bounds.AttentionPlace> attentionPlace(Attention attention) {
    if (attention.isAuto()) {
      scope.report(Messages.isDefault(Spans.of(attention), Scope.text(attention)));
      return Optional.empty();
    }
    var condition = attention.getCondition();
    if (condition != null && condition.getSubject() != Subject.KV) {
      scope.report(
          Messages.conditionNotOnKv(Spans.of(condition), condition.getSubject().getLiteral()));
      return Optional.empty();
    }
    for (var device : attention.getDevices()) {
      if (device.getKind() == dev.stowage.dsl.script.DeviceKind.DISK) {
        scope.report(Messages.cannotCompute(Spans.of(attention), device.getName()));
        return Optional.empty();
      }
    }
    List<String> homes = condition == null ? List.of() : scope.names(condition.getDevices());
    return Optional.of(
        new Bounds.AttentionPlace(
            homes, scope.names(attention.getDevices()), scope.source(attention)));
  }
}
