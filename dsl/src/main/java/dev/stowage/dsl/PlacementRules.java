package dev.stowage.dsl;

import dev.stowage.dsl.script.IndexRange;
import dev.stowage.dsl.script.Place;
import dev.stowage.dsl.script.PlaceRule;
import dev.stowage.dsl.script.Rest;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.Segment;
import dev.stowage.dsl.script.Selector;
import dev.stowage.dsl.script.Share;
import dev.stowage.dsl.script.Statement;
import dev.stowage.dsl.script.Subject;
import dev.stowage.dsl.script.Variant;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.xtext.nodemodel.util.NodeModelUtils;

/** Placements name parts that a model has, and leave each of them somewhere to be. */
final class PlacementRules {
  private static final BigDecimal PERCENT = BigDecimal.valueOf(100);

  private final Consumer<Diagnostic> report;

  private PlacementRules(Consumer<Diagnostic> report) {
    this.report = report;
  }

  /** Selectors, one by one. */
  static void checkSelectors(List<EObject> tree, Consumer<Diagnostic> report) {
    var rules = new PlacementRules(report);
    for (EObject object : tree) {
      switch (object) {
        case Selector selector -> rules.selector(selector);
        case PlaceRule rule -> rules.selectorsFit(rule);
        default -> {}
      }
    }
  }

  /** Shares, together; of a file whose names and values are right, or their sums mean nothing. */
  static void checkShares(Script script, Consumer<Diagnostic> report) {
    var rules = new PlacementRules(report);
    rules.narrow(placements(script.getStatements()));
    for (Statement statement : script.getStatements()) {
      if (statement instanceof Variant variant) {
        rules.narrow(placements(variant.getChanges()));
      }
    }
  }

  private static List<PlaceRule> placements(List<? extends EObject> statements) {
    var rules = new ArrayList<PlaceRule>();
    for (EObject statement : statements) {
      if (statement instanceof Place place) {
        place.getRules().stream()
            .filter(PlaceRule.class::isInstance)
            .map(PlaceRule.class::cast)
            .forEach(rules::add);
      }
    }
    return rules;
  }

  private void selectorsFit(PlaceRule rule) {
    if (rule.getSubject() == Subject.ACTIVATIONS && !rule.getSelectors().isEmpty()) {
      report.accept(
          Messages.outOfBounds(
              Spans.of(rule.getSelectors().getFirst()), "the share of activations", "one for all"));
    }
  }

  private void selector(Selector selector) {
    List<String> due = Vocabulary.MODEL_PARTS;
    String of = "part of a model";
    for (Segment segment : selector.getSegments()) {
      if (segment.getName() == null) {
        return;
      }
      if (!due.contains(segment.getName())) {
        report.accept(Messages.unknownWord(nameOf(segment), of, segment.getName(), due));
        return;
      }
      boolean indexed = segment.isAll() || !segment.getIndices().isEmpty();
      if (indexed && !segment.getName().equals("layers")) {
        report.accept(
            Messages.outOfBounds(Spans.of(segment), "'" + segment.getName() + "'", "one thing"));
      }
      for (IndexRange range : segment.getIndices()) {
        indices(range);
      }
      of = "part of " + segment.getName();
      due =
          segment.getName().equals("layers")
              ? List.copyOf(Vocabulary.LAYER_PARTS.keySet())
              : due == Vocabulary.MODEL_PARTS
                  ? List.of()
                  : Vocabulary.LAYER_PARTS.getOrDefault(segment.getName(), List.of());
    }
  }

  private void indices(IndexRange range) {
    // a missing last index reads as 0, so the text decides whether there is one
    if (NodeModelUtils.getTokenText(NodeModelUtils.getNode(range)).contains("..")
        && range.getLast() < range.getFirst()) {
      report.accept(Messages.emptyRange(Spans.of(range)));
    }
  }

  private static SourceSpan nameOf(Segment segment) {
    return Spans.of(segment, segment.eClass().getEStructuralFeature("name"))
        .orElseGet(() -> Spans.of(segment));
  }

  /** All statements about one thing narrow each other, device by device. */
  private void narrow(List<PlaceRule> rules) {
    Map<String, List<PlaceRule>> bySubject =
        rules.stream()
            .filter(rule -> !rule.getShares().isEmpty())
            .collect(
                Collectors.groupingBy(
                    PlacementRules::what, LinkedHashMap::new, Collectors.toList()));
    bySubject.forEach(this::narrow);
  }

  private static String what(PlaceRule rule) {
    String selectors =
        rule.getSelectors().stream()
            .map(selector -> NodeModelUtils.getTokenText(NodeModelUtils.getNode(selector)))
            .sorted()
            .collect(Collectors.joining(", "));
    return rule.getSubject().getLiteral() + (selectors.isEmpty() ? "" : " of " + selectors);
  }

  private void narrow(String what, List<PlaceRule> rules) {
    Map<String, Interval> allowed = new LinkedHashMap<>();
    Map<String, Share> last = new LinkedHashMap<>();
    for (PlaceRule rule : rules) {
      for (Share share : rule.getShares()) {
        if (share.getDevice() == null || share.getDevice().getName() == null) {
          return;
        }
        String device = share.getDevice().getName();
        Interval mine =
            share.getAmount() instanceof Rest ? Interval.ALL : Interval.of(share.getAmount());
        Interval both = allowed.getOrDefault(device, Interval.ALL).and(mine);
        if (both.isEmpty() && !mine.isEmpty()) {
          report.accept(
              Messages.nothingLeft(
                  Spans.of(share), what + " on " + device, Spans.of(last.get(device))));
          return;
        }
        allowed.put(device, both);
        last.put(device, share);
      }
    }
    BigDecimal least = BigDecimal.ZERO;
    BigDecimal most = BigDecimal.ZERO;
    for (Interval interval : allowed.values()) {
      least = least.add(interval.lowOr(BigDecimal.ZERO));
      most = most.add(interval.highOr(BigDecimal.ONE));
    }
    SourceSpan at = Spans.of(rules.getLast());
    if (least.compareTo(BigDecimal.ONE) > 0) {
      report.accept(Messages.sharesTooLarge(at, what, percent(least)));
    } else if (most.compareTo(BigDecimal.ONE) < 0) {
      report.accept(Messages.sharesTooSmall(at, what, percent(most)));
    }
  }

  private static String percent(BigDecimal share) {
    return share.multiply(PERCENT).stripTrailingZeros().toPlainString();
  }
}
