package dev.stowage.compiler.resolve;

import dev.stowage.dsl.SourceSpan;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Comparison;
import dev.stowage.dsl.script.PlaceItem;
import dev.stowage.dsl.script.PlaceRule;
import dev.stowage.dsl.script.Preference;
import dev.stowage.dsl.script.ScriptPackage;
import dev.stowage.dsl.script.Share;
import dev.stowage.dsl.script.Split;
import dev.stowage.dsl.script.Subject;
import dev.stowage.optimizer.Bounds;
import dev.stowage.optimizer.KvAxis;
import dev.stowage.optimizer.Problem;
import dev.stowage.optimizer.Source;
import dev.stowage.optimizer.Thing;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** What a plan says of where weights, KV and activations lie, as the optimizer's bounds. */
final class Placements {
  private final Scope scope;
  private final Selectors selectors;

  final List<Bounds.OnlyOn> only = new ArrayList<>();
  final List<Bounds.Share> shares = new ArrayList<>();
  final List<Bounds.Preference> preferences = new ArrayList<>();
  private final List<Cut> cuts = new ArrayList<>();

  /** What a rule says of how the KV cache of some layers is cut. */
  private record Cut(Thing.Kv layers, Split split, PlaceRule rule) {}

  /**
   * How the KV cache is cut.
   *
   * @param axis where no cut says otherwise
   */
  record Axes(KvAxis axis, List<Bounds.KvCut> cuts) {}

  Placements(Scope scope) {
    this.scope = scope;
    this.selectors = new Selectors(scope.shape(), scope::report);
  }

  /** Reads all rules; what they say is then in the fields. */
  void add(List<PlaceItem> items) {
    for (PlaceItem item : items) {
      switch (item) {
        case PlaceRule rule -> add(rule);
        case Preference preference -> prefer(preference);
        default -> throw new IllegalStateException("a place item of no kind: " + item);
      }
    }
    ShareRule.ALL.forEach(rule -> rule.check(shares, scope.spans(), scope::report));
  }

  /**
   * How the KV cache may be cut, the first choice first: by tokens where nothing is said. Layers
   * that are open are all cut alike.
   */
  List<Axes> axes() {
    boolean open = cuts.stream().anyMatch(cut -> cut.split() == Split.AUTO);
    return (open ? List.of(KvAxis.TOKENS, KvAxis.HEADS, KvAxis.SEQUENCES) : List.of(KvAxis.TOKENS))
        .stream().map(this::axes).toList();
  }

  /**
   * @param open how layers are cut that are open
   */
  private Axes axes(KvAxis open) {
    var axis = KvAxis.TOKENS;
    var some = new ArrayList<Bounds.KvCut>();
    for (var cut : cuts) {
      var said = axis(cut.split()).orElse(open);
      if (cut.layers().equals(new Thing.Kv())) {
        axis = said;
      } else {
        some.add(new Bounds.KvCut(cut.layers(), said));
      }
    }
    return new Axes(axis, some);
  }

  /** The way that a word says; none where the optimizer chooses. */
  private static Optional<KvAxis> axis(Split split) {
    return switch (split) {
      case AUTO -> Optional.empty();
      case HEADS -> Optional.of(KvAxis.HEADS);
      case TOKENS -> Optional.of(KvAxis.TOKENS);
      case SEQUENCES -> Optional.of(KvAxis.SEQUENCES);
    };
  }

  /** Adds what a rule says of how its layers are cut; those of several rules are cut one way. */
  private void addCut(PlaceRule rule, Thing.Kv layers, SourceSpan at) {
    for (var earlier : cuts) {
      boolean meet =
          IntStream.range(0, scope.shape().layers())
              .anyMatch(layer -> earlier.layers().covers(layer) && layers.covers(layer));
      if (meet && earlier.split() != rule.getSplit()) {
        scope.report(
            Messages.nothingLeft(Spans.of(rule), "how kv is split", Spans.of(earlier.rule())));
        return;
      }
      if (earlier.layers().equals(layers)) {
        return;
      }
    }
    cuts.add(new Cut(layers, rule.getSplit(), rule));
    if (rule.getSplit() == Split.TOKENS) {
      scope.report(Messages.isDefault(at, "split tokens"));
    }
  }

  private void add(PlaceRule rule) {
    var thing = thing(rule);
    if (thing.isEmpty()) {
      return;
    }
    var split = Spans.of(rule, ScriptPackage.Literals.PLACE_RULE__SPLIT);
    if (split.isPresent()) {
      if (rule.getSubject() != Subject.KV) {
        scope.report(
            Messages.cannotHold(
                Spans.of(rule), "'split'", rule.getSubject().getLiteral(), "Only kv is split so."));
      } else if (thing.get() instanceof Thing.Kv layers) {
        addCut(rule, layers, split.get());
      }
    }
    var source = scope.source(rule);
    var devices = new ArrayList<String>();
    double least = 0;
    double most = 0;
    boolean open = isOpen(rule);
    for (Share share : rule.getShares()) {
      var names = scope.machines().names(share.getDevice());
      if (!canHold(rule, share)) {
        return;
      }
      devices.addAll(names);
      var allowed = scope.values().of(share.getAmount()).within(0, 1);
      if (allowed.low() > allowed.high()) {
        scope.report(
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
    if (!open && most < 1 - 1e-9) {
      scope.report(Messages.sharesBelowOne(Spans.of(rule), source.text(), most));
    }
    if (least > 1 + 1e-9) {
      scope.report(Messages.sharesAboveOne(Spans.of(rule), source.text(), least));
    }
    if (open) {
      return; // bounds alone say nothing of other devices
    }
    if (devices.containsAll(holders(rule.getSubject()))
        && least == 0
        && most >= devices.size()
        && !Values.namesParameter(rule)) {
      scope.report(Messages.listsAll(Spans.of(rule), source.text()));
    }
    only.add(new Bounds.OnlyOn(thing.get(), devices, source));
  }

  /** Whether a rule has bounds alone, which say nothing of other devices. */
  static boolean isOpen(PlaceRule rule) {
    return rule.getShares().stream().allMatch(s -> s.getAmount() instanceof Comparison);
  }

  /** All devices that can hold a subject. */
  private List<String> holders(Subject subject) {
    return scope.machine().devices().stream()
        .filter(
            device ->
                switch (subject) {
                  case WEIGHTS -> device.kind() != dev.stowage.plan.DeviceKind.CSD;
                  case KV -> true;
                  case ACTIVATIONS ->
                      device.name().equals(Problem.defaultCompute(scope.machine()))
                          || device.kind() == dev.stowage.plan.DeviceKind.HOST;
                })
        .map(device -> device.name())
        .toList();
  }

  /** {@code kv on t4 >= 20%}: the words of one share of a rule, under the rule's subject. */
  private Source shareSource(PlaceRule rule, Share share) {
    var subject = new StringBuilder(rule.getSubject().getLiteral());
    if (!rule.getSelectors().isEmpty()) {
      subject.append(" of ");
      subject.append(String.join(", ", rule.getSelectors().stream().map(Scope::text).toList()));
    }
    return scope.source(share, subject + " on " + Scope.text(share));
  }

  private boolean canHold(PlaceRule rule, Share share) {
    var name = share.getDevice().getName();
    switch (rule.getSubject()) {
      case WEIGHTS -> {
        if (share.getDevice().getKind() == dev.stowage.dsl.script.DeviceKind.CSD) {
          scope.report(
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
          scope.report(
              Messages.cannotHold(
                  Spans.of(share), name, "activations", "They wait on a gpu or in host memory."));
          return false;
        }
      }
      case KV -> {}
    }
    return true;
  }

  private void prefer(Preference preference) {
    var rule = preference.getRule();
    var thing = thing(rule);
    if (thing.isEmpty()) {
      return;
    }
    for (Share share : rule.getShares()) {
      if (!canHold(rule, share)) {
        return;
      }
      var allowed = scope.values().of(share.getAmount()).within(0, 1);
      if (allowed.low() <= allowed.high()) {
        preferences.add(
            new Bounds.Preference(
                thing.get(),
                scope.machines().names(share.getDevice()),
                allowed.low(),
                allowed.high(),
                preference.getWeight().doubleValue(),
                scope.source(preference)));
      }
    }
  }

  private Optional<Thing> thing(PlaceRule rule) {
    return switch (rule.getSubject()) {
      case WEIGHTS -> selectors.weights(rule.getSelectors()).map(Thing.class::cast);
      case KV -> selectors.kv(rule.getSelectors()).map(Thing.class::cast);
      case ACTIVATIONS -> Optional.of(new Thing.Activations()); // of no part: see SW1xx
    };
  }
}
