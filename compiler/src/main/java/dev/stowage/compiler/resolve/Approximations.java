package dev.stowage.compiler.resolve;

import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Approximate;
import dev.stowage.dsl.script.Attention;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.DeviceKind;
import dev.stowage.dsl.script.Phase;
import dev.stowage.dsl.script.Quantize;
import dev.stowage.dsl.script.Ratio;
import dev.stowage.dsl.script.Sparse;
import dev.stowage.optimizer.Bounds;
import dev.stowage.optimizer.Thing;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Sparsity;
import dev.stowage.plan.Weight;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What may change the tokens: formats of weights and KV, and attention that reads a part. The
 * expected damage of all of it together is held against the smallest budget, see {@link Damage}.
 */
final class Approximations {
  /**
   * Formats and sparse attention as the optimizer's bounds.
   *
   * @param attention where attention runs that an approximation places
   */
  record Allowed(
      List<Bounds.Format> formats,
      List<Bounds.SparseAttention> sparse,
      List<Bounds.AttentionPlace> attention) {}

  private final Scope scope;
  private final Selectors selectors;
  private final Schedules schedules;
  private final int longest;
  private final List<Bounds.Format> formats = new ArrayList<>();
  private final List<Bounds.SparseAttention> sparse = new ArrayList<>();
  private final List<Bounds.AttentionPlace> attention = new ArrayList<>();
  private final List<BudgetsAreKept.Expected> expected = new ArrayList<>();

  /**
   * @param longest tokens of the longest sequence, generated ones included
   */
  Approximations(Scope scope, Schedules schedules, int longest) {
    this.scope = scope;
    this.selectors = new Selectors(scope.shape(), scope::report);
    this.schedules = schedules;
    this.longest = longest;
  }

  Allowed allowed(List<Approximate> approximations) {
    for (var approximate : approximations) {
      for (var item : approximate.getItems()) {
        switch (item) {
          case Quantize quantize -> add(quantize);
          case Attention one -> add(one);
          default -> throw new IllegalStateException("an approximation of no kind: " + item);
        }
      }
    }
    approximations.forEach(one -> BudgetsAreKept.check(one, expected, scope));
    KeysAreStoredInOneWay.check(formats, sparse, scope);
    return new Allowed(formats, sparse, attention);
  }

  private void add(Quantize quantize) {
    var type = type(quantize);
    if (type.isEmpty()) {
      scope.report(
          Messages.unknownFormat(
              Spans.of(quantize),
              "%d-bit group %d".formatted(quantize.getBits(), group(quantize))));
      return;
    }
    switch (quantize.getSubject()) {
      case ACTIVATIONS -> scope.report(Messages.activationsAreNotStored(Spans.of(quantize)));
      case KV -> {
        if (!quantize.getSelectors().isEmpty()) {
          scope.report(Messages.formatOfPartsOfKv(Spans.of(quantize.getSelectors().getFirst())));
          return;
        }
        add(quantize, new Thing.Kv(), type.get(), Damage.ofKv(type.get()));
      }
      case WEIGHTS ->
          selectors
              .weights(quantize.getSelectors())
              .ifPresent(
                  thing -> {
                    if (storedQuantized(thing)) {
                      scope.report(
                          Messages.notYet(
                              Spans.of(quantize),
                              "Quantizing weights that the model's file stores quantized"));
                    } else {
                      add(quantize, thing, type.get(), Damage.ofWeights(type.get()) * share(thing));
                    }
                  });
    }
  }

  private void add(Quantize quantize, Thing thing, ElementType type, double damage) {
    var source = scope.source(quantize);
    for (var earlier : formats) {
      if (earlier.thing().equals(thing)) {
        scope.report(
            earlier.allowed().equals(List.of(type))
                ? Messages.redundant(
                    Spans.of(quantize),
                    source.text(),
                    earlier.source().text(),
                    scope.spans().get(earlier.source()))
                : Messages.nothingLeft(
                    Spans.of(quantize),
                    "the format of " + thing.word(),
                    scope.spans().get(earlier.source())));
        return;
      }
    }
    formats.add(new Bounds.Format(thing, List.of(type), source));
    expected.add(new BudgetsAreKept.Expected(damage, source.text(), Spans.of(quantize)));
  }

  private static int group(Quantize quantize) {
    return quantize.getGroup() == 0 ? ElementType.GROUP : quantize.getGroup();
  }

  private static Optional<ElementType> type(Quantize quantize) {
    if (group(quantize) != ElementType.GROUP) {
      return Optional.empty();
    }
    return switch (quantize.getBits()) {
      case 4 -> Optional.of(ElementType.INT4);
      case 8 -> Optional.of(ElementType.INT8);
      default -> Optional.empty();
    };
  }

  /** The part of all weights' bytes that a thing is. */
  private boolean storedQuantized(Thing.Weights thing) {
    for (var weight : Weight.values()) {
      for (int layer = 0; layer < (weight.perLayer() ? scope.shape().layers() : 1); layer++) {
        if (thing.covers(weight, layer)
            && scope.shape().rows(weight) > 0
            && scope.shape().type(weight, layer).quantized()) {
          return true;
        }
      }
    }
    return false;
  }

  private double share(Thing.Weights thing) {
    double all = 0;
    double some = 0;
    for (var weight : Weight.values()) {
      for (int layer = 0; layer < (weight.perLayer() ? scope.shape().layers() : 1); layer++) {
        double bytes = scope.shape().rows(weight) > 0 ? scope.shape().bytes(weight, layer) : 0;
        all += bytes;
        some += thing.covers(weight, layer) ? bytes : 0;
      }
    }
    return some / all;
  }

  private void add(Attention one) {
    if (!(one.getMode() instanceof Sparse mode)) {
      scope.report(Messages.denseIsExact(Spans.of(one)));
      return;
    }
    if (one.getPhase() == Phase.PREFILL) {
      scope.report(Messages.promptsAreReadWhole(Spans.of(one)));
      return;
    }
    if (mode.getMethod().equals("pages")) {
      scope.report(Messages.unknownMethod(Spans.of(mode), mode.getMethod()));
      return;
    }
    for (Device device : one.getDevices()) {
      if (device.getKind() == DeviceKind.DISK) {
        scope.report(Messages.readsWhole(Spans.of(one), device.getName()));
        return;
      }
    }
    if (one.getCondition() != null) {
      for (Device home : one.getCondition().getDevices()) {
        if (home.getKind() == DeviceKind.DISK) {
          scope.report(Messages.readsWhole(Spans.of(one.getCondition()), home.getName()));
          return;
        }
        for (Device device : one.getDevices()) {
          if (device.getKind() == DeviceKind.GPU && home.getKind() != DeviceKind.GPU) {
            scope.report(
                Messages.bringsWhole(
                    Spans.of(one.getCondition()), device.getName(), home.getName()));
            return;
          }
        }
      }
    }
    int window = scope.shape().slidingWindow().orElse(Integer.MAX_VALUE);
    if (window < longest) {
      scope.report(Messages.windowHides(Spans.of(one), window, longest));
      return;
    }
    double part = part(mode.getRatio());
    var damage = Damage.ofReading(part);
    if (damage.isEmpty()) {
      scope.report(Messages.damageUnknown(Spans.of(mode), Scope.text(mode), Damage.LEAST_READ));
      return;
    }
    var source = scope.source(one);
    schedules.attentionPlace(one).ifPresent(attention::add);
    List<String> homes =
        one.getCondition() == null ? List.of() : scope.names(one.getCondition().getDevices());
    var sparsity = Sparsity.ofBytes(part, scope.shape().headDim());
    sparse.add(new Bounds.SparseAttention(homes, List.of(Optional.of(sparsity)), source));
    expected.add(new BudgetsAreKept.Expected(damage.getAsDouble(), source.text(), Spans.of(one)));
  }

  private static double part(Ratio ratio) {
    double whole =
        ratio.isPercent()
            ? 100
            : ratio.getDenominator() == null ? 1 : ratio.getDenominator().doubleValue();
    return ratio.getNumerator().doubleValue() / whole;
  }
}
