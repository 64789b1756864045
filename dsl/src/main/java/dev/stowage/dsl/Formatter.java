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
import dev.stowage.dsl.script.Setting;
import dev.stowage.dsl.script.Statement;
import dev.stowage.dsl.script.Test;
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
 * empty line, one statement a line outside of braces, two blanks between the items of a one-line
 * block (three between rules), none where a sign binds, columns lined up (see {@link Columns}).
 * Comments keep their text.
 */
public final class Formatter {
  private static final int BETWEEN_ITEMS = 2;
  private static final int BETWEEN_RULES = 3;
  private static final int INDENT = 2;
  private static final int CONTINUED = 4;
  private static final Set<String> TIGHT_BEFORE = Set.of(",", ")", "]", "[", "..", ".", "%");
  private static final Set<String> TIGHT_AFTER = Set.of("(", "[", "..", ".");
  private static final Set<String> AT_STATEMENT = Set.of("then", "subject");
  private static final Set<String> LEADS_TO_ITEM = Set.of("with", "prefer", "to");

  /** One token or comment, and how it may be set off from the one before. */
  record Atom(ILeafNode node, String text, boolean comment, int newlines, int blanks) {}

  /**
   * One line as it will be: its atoms, the blanks before each, and which of them start a column.
   */
  static final class FormattedLine {
    final int newlines;
    final int indent;
    final EObject item;
    final List<Atom> atoms = new ArrayList<>();
    final List<Integer> gaps = new ArrayList<>();
    final Map<String, Integer> columns = new HashMap<>();

    private FormattedLine(int newlines, int indent, EObject item) {
      this.newlines = newlines;
      this.indent = indent;
      this.item = item;
    }

    private void add(Atom atom, int gap) {
      atoms.add(atom);
      gaps.add(gap);
    }

    /** Where the text before an atom ends, counted from the line's first character. */
    int endBefore(int index) {
      int at = 0;
      for (int i = 0; i < index; i++) {
        at += gaps.get(i) + atoms.get(i).text().length();
      }
      return at;
    }
  }

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
    Atom before = null;
    for (FormattedLine line : lines()) {
      String due = before == null ? "" : "\n".repeat(line.newlines) + " ".repeat(line.indent);
      for (int i = 0; i < line.atoms.size(); i++) {
        Atom atom = line.atoms.get(i);
        change(before == null ? 0 : end(before), offset(atom), due, edits);
        due = i + 1 < line.atoms.size() ? " ".repeat(line.gaps.get(i + 1)) : due;
        before = atom;
      }
    }
    change(before == null ? 0 : end(before), text.length(), before == null ? "" : "\n", edits);
    return edits;
  }

  /** The lines as they will be, their columns lined up. */
  private List<FormattedLine> lines() {
    var lines = new ArrayList<FormattedLine>();
    FormattedLine line = null;
    int depth = 0;
    Atom before = null;
    for (Atom atom : atoms) {
      if (!atom.comment() && atom.text().equals("}")) {
        depth--;
      }
      int newlines = before == null ? 0 : newlines(before, atom, depth);
      if (before == null || newlines > 0) {
        line = new FormattedLine(newlines, indent(atom, depth), itemStarts.get(offset(atom)));
        lines.add(line);
        line.add(atom, 0);
      } else {
        line.add(atom, blanks(before, atom));
      }
      if (!atom.comment() && atom.text().equals("{")) {
        depth++;
      }
      before = atom;
    }
    lines.forEach(one -> Columns.mark(one, itemStarts));
    Columns.lineUp(lines);
    return lines;
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
      return 1;
    }
    if (sameWord(before.node(), atom.node()) || binds(before, atom)) {
      return 0;
    }
    if (before.text().equals("{")) {
      return atom.text().equals("}") ? 0 : 1;
    }
    boolean nextItem = itemStarts.containsKey(offset(atom)) && !before.text().equals("override");
    if (!nextItem || LEADS_TO_ITEM.contains(before.text())) {
      return 1;
    }
    return isRule(itemStarts.get(offset(atom))) ? BETWEEN_RULES : BETWEEN_ITEMS;
  }

  /** Items of many words stand further apart than those of two or three. */
  private static boolean isRule(EObject item) {
    return !(item.eContainer() instanceof Test)
        && (item instanceof PlaceItem
            || item instanceof ScheduleItem
            || item instanceof ApproximateItem
            || item instanceof Constraint
            || item instanceof Change change && !(change instanceof Setting));
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
