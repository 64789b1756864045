package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Interval;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Place;
import dev.stowage.dsl.script.PlaceRule;
import dev.stowage.dsl.script.Rest;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.Share;
import dev.stowage.dsl.script.Statement;
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

/**
 * All statements about one thing together leave it somewhere to be: each device something, and all
 * of them neither more nor less than the whole (SW107). Sums mean nothing where a name or value is
 * wrong, so this is for files without errors.
 */
final class SharesAddUp implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Script script) {
      narrow(placements(script.getStatements()), report);
      for (Statement statement : script.getStatements()) {
        if (statement instanceof Variant variant) {
          narrow(placements(variant.getChanges()), report);
        }
      }
    }
  }

  private static final BigDecimal PERCENT = BigDecimal.valueOf(100);

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

  /** All statements about one thing narrow each other, device by device. */
  private static void narrow(List<PlaceRule> rules, Consumer<Diagnostic> report) {
    Map<String, List<PlaceRule>> bySubject =
        rules.stream()
            .filter(rule -> !rule.getShares().isEmpty())
            .collect(
                Collectors.groupingBy(SharesAddUp::what, LinkedHashMap::new, Collectors.toList()));
    bySubject.forEach((what, same) -> narrow(what, same, report));
  }

  private static String what(PlaceRule rule) {
    String selectors =
        rule.getSelectors().stream()
            .map(selector -> NodeModelUtils.getTokenText(NodeModelUtils.getNode(selector)))
            .sorted()
            .collect(Collectors.joining(", "));
    return rule.getSubject().getLiteral() + (selectors.isEmpty() ? "" : " of " + selectors);
  }

  private static void narrow(String what, List<PlaceRule> rules, Consumer<Diagnostic> report) {
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
