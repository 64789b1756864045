package dev.stowage.dsl;

import dev.stowage.dsl.script.ApproximateItem;
import dev.stowage.dsl.script.Change;
import dev.stowage.dsl.script.Constraint;
import dev.stowage.dsl.script.Expect;
import dev.stowage.dsl.script.ModelOption;
import dev.stowage.dsl.script.PlaceItem;
import dev.stowage.dsl.script.PlatformElement;
import dev.stowage.dsl.script.Preference;
import dev.stowage.dsl.script.Property;
import dev.stowage.dsl.script.ScheduleItem;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.Statement;
import dev.stowage.dsl.script.TestChange;
import dev.stowage.dsl.script.WorkloadItem;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.eclipse.emf.ecore.EDataType;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.xtext.RuleCall;
import org.eclipse.xtext.nodemodel.ICompositeNode;
import org.eclipse.xtext.nodemodel.ILeafNode;
import org.eclipse.xtext.nodemodel.INode;
import org.eclipse.xtext.nodemodel.util.NodeModelUtils;
import org.eclipse.xtext.resource.XtextResource;

/**
 * Lays a file out: two blanks for each open brace, four more where a statement goes on, at most one
 * empty line, one statement a line outside of braces, at least two blanks between the items of a
 * one-line block, none where a sign binds. Comments keep their text. Blanks beyond these stay
 * within a line, so that columns which the author has lined up stay lined up.
 */
public final class Formatter {
  private static final int BETWEEN_ITEMS = 2;
  private static final int INDENT = 2;
  private static final int CONTINUED = 4;
  private static final Set<String> TIGHT_BEFORE = Set.of(",", ")", "]", "[", "..", ".", "%");
  private static final Set<String> TIGHT_AFTER = Set.of("(", "[", "..", ".");
  private static final Set<String> AT_STATEMENT = Set.of("then", "subject");

  /** One token or comment, and how it may be set off from the one before. */
  private record Atom(ILeafNode node, String text, boolean comment, int newlines, int blanks) {}

  private final Map<Integer, EObject> itemStarts = new HashMap<>();
  private final Set<Integer> statementStarts = new HashSet<>();
  private final List<Atom> atoms;
  private final XtextResource resource;
  private final String text;

  private Formatter(XtextResource resource) {
    this.resource = resource;
    ICompositeNode root = resource.getParseResult().getRootNode();
    text = root.getText();
    if (resource.getContents().getFirst() instanceof Script script) {
      script
          .eAllContents()
          .forEachRemaining(
              object -> {
                INode node = NodeModelUtils.findActualNodeFor(object);
                if (node != null && isItem(object)) {
                  itemStarts.put(node.getOffset(), object);
                  if (object.eContainer() == script) {
                    statementStarts.add(node.getOffset());
                  }
                }
              });
    }
    atoms = atoms(root);
  }

  /**
   * The text laid out; empty when it has syntax errors, since then nobody knows what belongs where.
   */
  public static Optional<String> format(XtextResource resource) {
    return edits(resource)
        .map(
            edits -> {
              var text = new StringBuilder(resource.getParseResult().getRootNode().getText());
              for (TextEdit edit : edits.reversed()) {
                int start = edit.span().offset();
                text.replace(start, start + edit.span().length(), edit.newText());
              }
              return text.toString();
            });
  }

  /** What to change, in reading order; empty when the text has syntax errors. */
  public static Optional<List<TextEdit>> edits(XtextResource resource) {
    if (resource.getParseResult() == null
        || resource.getParseResult().hasSyntaxErrors()
        || resource.getContents().isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(new Formatter(resource).edits());
  }

  private static boolean isItem(EObject object) {
    return object instanceof Statement
        || object instanceof PlatformElement
        || object instanceof Property
        || object instanceof ModelOption
        || object instanceof WorkloadItem
        || object instanceof PlaceItem && !(object.eContainer() instanceof Preference)
        || object instanceof ScheduleItem
        || object instanceof ApproximateItem
        || object instanceof Constraint
        || object instanceof Change
        || object instanceof TestChange
        || object instanceof Expect;
  }

  private static List<Atom> atoms(ICompositeNode root) {
    var atoms = new ArrayList<Atom>();
    int newlines = 0;
    int blanks = 0;
    for (ILeafNode leaf : root.getLeafNodes()) {
      String text = leaf.getText();
      if (leaf.isHidden() && text.isBlank()) {
        newlines += (int) text.chars().filter(c -> c == '\n').count();
        blanks = newlines > 0 ? 0 : blanks + text.length();
      } else if (!text.isEmpty()) {
        String body = leaf.isHidden() ? text.stripTrailing() : text;
        atoms.add(new Atom(leaf, body, leaf.isHidden(), newlines, blanks));
        newlines = leaf.isHidden() && text.endsWith("\n") ? 1 : 0;
        blanks = 0;
      }
    }
    return atoms;
  }

  private List<TextEdit> edits() {
    var edits = new ArrayList<TextEdit>();
    int depth = 0;
    Atom before = null;
    for (Atom atom : atoms) {
      if (!atom.comment() && atom.text().equals("}")) {
        depth--;
      }
      if (before == null) {
        change(0, offset(atom), "", edits);
      } else {
        int newlines = newlines(before, atom, depth);
        change(
            end(before),
            offset(atom),
            newlines > 0
                ? "\n".repeat(newlines) + " ".repeat(indent(atom, depth))
                : " ".repeat(blanks(before, atom)),
            edits);
      }
      if (!atom.comment() && atom.text().equals("{")) {
        depth++;
      }
      before = atom;
    }
    change(before == null ? 0 : end(before), text.length(), before == null ? "" : "\n", edits);
    return edits;
  }

  private void change(int start, int end, String due, List<TextEdit> edits) {
    if (!text.substring(start, end).equals(due)) {
      INode root = resource.getParseResult().getRootNode();
      edits.add(new TextEdit(Spans.at(root, resource, start, end - start), due));
    }
  }

  private static int end(Atom atom) {
    return offset(atom) + atom.text().length();
  }

  private int newlines(Atom before, Atom atom, int depth) {
    if (before.comment() && before.text().startsWith("//") && atom.newlines() == 0) {
      return 1;
    }
    if (atom.newlines() == 0) {
      return depth == 0 && !atom.comment() && statementStarts.contains(offset(atom)) ? 1 : 0;
    }
    boolean atBrace =
        !before.comment() && before.text().equals("{")
            || !atom.comment() && atom.text().equals("}");
    return Math.min(atom.newlines(), atBrace ? 1 : 2);
  }

  private int indent(Atom atom, int depth) {
    boolean continues =
        !atom.comment()
            && !itemStarts.containsKey(offset(atom))
            && !Set.of("{", "}").contains(atom.text())
            && !AT_STATEMENT.contains(atom.text())
            && !isHeader(atom);
    return depth * INDENT + (continues ? CONTINUED : 0);
  }

  private static boolean isHeader(Atom atom) {
    return atom.text().equals("plan") || atom.text().equals("library");
  }

  private int blanks(Atom before, Atom atom) {
    if (before.comment() || atom.comment()) {
      return Math.max(1, atom.blanks());
    }
    if (sameWord(before.node(), atom.node()) || binds(before, atom)) {
      return 0;
    }
    if (before.text().equals("{")) {
      return atom.text().equals("}") ? 0 : 1;
    }
    boolean nextItem = itemStarts.containsKey(offset(atom)) && !before.text().equals("override");
    boolean afterExpect = before.text().equals("with") || before.text().equals("prefer");
    return Math.max(nextItem && !afterExpect ? BETWEEN_ITEMS : 1, atom.blanks());
  }

  /** Whether two tokens are parts of one word, number or unit. */
  private static boolean sameWord(ILeafNode left, ILeafNode right) {
    return left.getTotalEndOffset() == right.getTotalOffset()
        && left.getParent() == right.getParent()
        && left.getParent().getSemanticElement() == right.getParent().getSemanticElement()
        && isWord(left.getParent());
  }

  private static boolean isWord(ICompositeNode node) {
    return node.getGrammarElement() instanceof RuleCall call
        && call.getRule().getType().getClassifier() instanceof EDataType;
  }

  private static boolean binds(Atom before, Atom atom) {
    boolean sparseRatio = atom.text().equals("/") || before.text().equals("/");
    boolean bits = atom.text().equals("-") || before.text().equals("-");
    boolean argument = atom.text().equals("(") && before.text().matches("[A-Za-z0-9_]+");
    return TIGHT_BEFORE.contains(atom.text())
        || TIGHT_AFTER.contains(before.text())
        || before.text().equals("+")
        || sparseRatio
        || bits
        || argument;
  }

  private static int offset(Atom atom) {
    return atom.node().getOffset();
  }
}
