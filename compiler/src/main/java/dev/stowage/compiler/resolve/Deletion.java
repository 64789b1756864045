package dev.stowage.compiler.resolve;

import dev.stowage.dsl.SourceSpan;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.ApproximateItem;
import dev.stowage.dsl.script.Change;
import dev.stowage.dsl.script.Constraint;
import dev.stowage.dsl.script.Expect;
import dev.stowage.dsl.script.Goal;
import dev.stowage.dsl.script.ModelOption;
import dev.stowage.dsl.script.Objective;
import dev.stowage.dsl.script.PlaceItem;
import dev.stowage.dsl.script.PlatformElement;
import dev.stowage.dsl.script.Preference;
import dev.stowage.dsl.script.Property;
import dev.stowage.dsl.script.ScheduleItem;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.Statement;
import dev.stowage.dsl.script.Test;
import dev.stowage.dsl.script.TestChange;
import dev.stowage.dsl.script.Variant;
import dev.stowage.dsl.script.WorkloadItem;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.xtext.EcoreUtil2;
import org.eclipse.xtext.nodemodel.INode;
import org.eclipse.xtext.nodemodel.util.NodeModelUtils;

/**
 * A statement that can be taken out of a text by itself: one of the file, or one line of a block.
 *
 * @param span what goes with it; the words before a last constraint or a tie-break included
 * @param result whether it asks for a result of its own: an expectation, a variant, a test
 * @param variant the name of the variant that it stands in or is
 * @param test the name of the test that it stands in or is
 */
public record Deletion(
    SourceSpan span, boolean result, Optional<String> variant, Optional<String> test) {

  /** All of a script, blocks before what they hold. */
  public static List<Deletion> of(Script script) {
    var deletions = new ArrayList<Deletion>();
    script
        .eAllContents()
        .forEachRemaining(
            object -> {
              if (isStatement(object)) {
                deletions.add(of(object));
              }
            });
    return deletions;
  }

  private static Deletion of(EObject statement) {
    return new Deletion(
        span(statement),
        statement instanceof Expect || statement instanceof Variant || statement instanceof Test,
        Optional.ofNullable(EcoreUtil2.getContainerOfType(statement, Variant.class))
            .map(Variant::getName),
        Optional.ofNullable(EcoreUtil2.getContainerOfType(statement, Test.class))
            .map(Test::getName));
  }

  private static boolean isStatement(EObject object) {
    return switch (object.eContainer()) {
      case Preference _ -> false; // its rule
      case Objective objective when object instanceof Goal goal ->
          objective.getTieBreaks().contains(goal);
      case null, default ->
          object instanceof Statement
              || object instanceof Change
              || object instanceof TestChange
              || object instanceof PlatformElement
              || object instanceof Property
              || object instanceof ModelOption
              || object instanceof WorkloadItem
              || object instanceof PlaceItem
              || object instanceof ScheduleItem
              || object instanceof ApproximateItem
              || object instanceof Constraint;
    };
  }

  private static SourceSpan span(EObject object) {
    var span = Spans.of(object);
    return switch (object) {
      case Goal goal -> from(keywordBefore(goal, "then"), span, object);
      case Constraint constraint
          when !keywordBefore(constraint, "{", "to", "subject").getText().equals("{") ->
          from(keywordBefore(constraint, "subject"), span, object);
      default -> span;
    };
  }

  /** The nearest of some keywords before an object, among its container's own words. */
  private static INode keywordBefore(EObject object, String... words) {
    var keywords = List.of(words);
    INode node = NodeModelUtils.findActualNodeFor(object);
    do {
      node = node.getPreviousSibling();
    } while (!keywords.contains(node.getText()));
    return node;
  }

  private static SourceSpan from(INode first, SourceSpan span, EObject object) {
    var start = Spans.of(first, object.eResource());
    return new SourceSpan(
        span.file(),
        start.offset(),
        span.offset() + span.length() - start.offset(),
        start.line(),
        start.column());
  }

  /** The text without it, every other statement at the place where it was. */
  public String blanked(String text) {
    int end = span.offset() + span.length();
    return text.substring(0, span.offset())
        + text.substring(span.offset(), end).replaceAll("[^\\n]", " ")
        + text.substring(end);
  }

  /** Whether all of it stands in a span. */
  public boolean isIn(SourceSpan other) {
    return other.contains(span);
  }
}
