package dev.stowage.dsl;

import dev.stowage.dsl.Formatter.Atom;
import dev.stowage.dsl.Formatter.FormattedLine;
import dev.stowage.dsl.script.Change;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.Link;
import dev.stowage.dsl.script.Param;
import dev.stowage.dsl.script.PlaceRule;
import dev.stowage.dsl.script.Property;
import dev.stowage.dsl.script.Quantize;
import dev.stowage.dsl.script.ScriptPackage;
import dev.stowage.dsl.script.Setting;
import dev.stowage.dsl.script.Test;
import dev.stowage.dsl.script.Variant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.emf.ecore.EStructuralFeature;
import org.eclipse.xtext.nodemodel.INode;
import org.eclipse.xtext.nodemodel.util.NodeModelUtils;

/**
 * Lines up what belongs together in neighbouring lines of one block: names, signs and braces of
 * devices and params, {@code on} of placements, bits, origins of rates, comments at the end.
 *
 * <p>A column that the author has lined up stays where it is, also with one blank too many, and
 * with lines that are too long for it left out. Any other is moved to the first place that all
 * lines reach, or all but those that would push it too far. Where the items of one-line blocks and
 * the values of rates stand is the author's choice: they are kept if lined up, and not if not.
 */
final class Columns {
  /** In the order in which they stand in a line. */
  private static final List<String> ORDER =
      List.of("name", ":", "=", "on", "bits", "{", "value", "origin", "1", "2", "3", "4", "//");

  private static final List<String> AUTHORS_CHOICE = List.of("value", "1", "2", "3", "4");
  private static final int FURTHEST = 24;

  /** How much too long for a column a line is that may be left out of it. */
  private static final int MUCH = 3;

  private Columns() {}

  /** Finds out which atoms of a line start a column. */
  static void mark(FormattedLine line, Map<Integer, EObject> itemStarts) {
    switch (line.item) {
      case Device device -> {
        at(line, "name", device, ScriptPackage.Literals.SETTABLE__NAME);
        first(line, "=");
        if (isWhole(line)) {
          first(line, "{");
          items(line, itemStarts);
        }
      }
      case Link _ when isWhole(line) -> first(line, "{");
      case Param _ -> {
        first(line, ":");
        first(line, "=");
      }
      case PlaceRule _ -> first(line, "on");
      case Quantize quantize -> at(line, "bits", quantize, ScriptPackage.Literals.QUANTIZE__BITS);
      case Setting _ -> first(line, "=");
      case Property property -> {
        at(line, "size", property, ScriptPackage.Literals.PROPERTY__AT);
        at(line, "value", property, ScriptPackage.Literals.PROPERTY__VALUE);
        at(line, "origin", property, ScriptPackage.Literals.PROPERTY__PROVENANCE);
        Integer origin = line.columns.get("origin");
        if (origin != null) {
          line.gaps.set(origin, 2);
        }
      }
      case Change change when isWhole(line) && isIndented(change) -> first(line, "{");
      case null, default -> {}
    }
    int last = line.atoms.size() - 1;
    if (last > 0 && line.atoms.get(last).comment()) {
      line.columns.put("//", last);
    }
  }

  private static boolean isIndented(Change change) {
    return change.eContainer() instanceof Variant || change.eContainer() instanceof Test;
  }

  /** Whether every brace that opens in the line closes in it, and no comment runs over its end. */
  private static boolean isWhole(FormattedLine line) {
    int depth = 0;
    for (Atom atom : line.atoms) {
      if (!atom.comment()) {
        depth += atom.text().equals("{") ? 1 : atom.text().equals("}") ? -1 : 0;
      }
    }
    return depth == 0;
  }

  private static void first(FormattedLine line, String sign) {
    for (int i = 1; i < line.atoms.size(); i++) {
      Atom atom = line.atoms.get(i);
      if (!atom.comment() && atom.text().equals(sign)) {
        line.columns.put(sign, i);
        return;
      }
    }
  }

  private static void at(
      FormattedLine line, String column, EObject object, EStructuralFeature feature) {
    List<INode> nodes = NodeModelUtils.findNodesForFeature(object, feature);
    if (nodes.isEmpty()) {
      return;
    }
    for (int i = 1; i < line.atoms.size(); i++) {
      if (line.atoms.get(i).node().getOffset() == nodes.getFirst().getOffset()) {
        line.columns.put(column, i);
      }
    }
  }

  private static void items(FormattedLine line, Map<Integer, EObject> itemStarts) {
    int count = 0;
    for (int i = 1; i < line.atoms.size(); i++) {
      Atom atom = line.atoms.get(i);
      if (!atom.comment() && itemStarts.get(atom.node().getOffset()) instanceof Property) {
        if (count > 0 && ORDER.contains(Integer.toString(count))) {
          line.columns.put(Integer.toString(count), i);
        }
        count++;
      }
    }
  }

  /** Lines up every run of neighbouring lines. */
  static void lineUp(List<FormattedLine> lines) {
    var block = new ArrayList<FormattedLine>();
    for (FormattedLine line : lines) {
      boolean goesOn =
          line.newlines == 1
              && !block.isEmpty()
              && line.indent == block.getLast().indent
              && isAlike(block, line);
      if (!goesOn) {
        lineUpBlock(block);
        block.clear();
      }
      if (line.atoms.stream().noneMatch(atom -> atom.text().contains("\n"))) {
        block.add(line);
      }
    }
    lineUpBlock(block);
  }

  /** Devices and links stand together, else only lines of one kind; a line of comment is any. */
  private static boolean isAlike(List<FormattedLine> block, FormattedLine line) {
    if (line.item == null) {
      return line.atoms.getFirst().comment();
    }
    for (FormattedLine other : block.reversed()) {
      if (other.item != null) {
        return kind(other.item).equals(kind(line.item));
      }
    }
    return true;
  }

  private static String kind(EObject item) {
    return switch (item) {
      case Device _, Link _ -> "device";
      case Setting _ -> "setting";
      case Change change when isIndented(change) -> "change";
      default -> item.eClass().getName();
    };
  }

  private static void lineUpBlock(List<FormattedLine> block) {
    for (String column : ORDER) {
      List<FormattedLine> having =
          block.stream().filter(line -> line.columns.containsKey(column)).toList();
      if (having.size() > 1) {
        lineUp(column, having);
      } else if (having.size() == 1 && column.equals("//")) {
        FormattedLine line = having.getFirst();
        int index = line.columns.get(column);
        line.gaps.set(index, Math.clamp(line.atoms.get(index).blanks(), 1, 2));
      }
    }
  }

  private static void lineUp(String column, List<FormattedLine> lines) {
    int[] least = new int[lines.size()];
    int[] author = new int[lines.size()];
    for (int i = 0; i < least.length; i++) {
      FormattedLine line = lines.get(i);
      int index = line.columns.get(column);
      int end = line.endBefore(index);
      least[i] = end + line.gaps.get(index);
      author[i] = Math.max(least[i], end + line.atoms.get(index).blanks());
    }
    int due = kept(least, author);
    if (due < 0 && AUTHORS_CHOICE.contains(column)) {
      return;
    }
    if (due < 0) {
      due = reached(least);
    }
    for (int i = 0; i < least.length; i++) {
      if (least[i] <= due) {
        FormattedLine line = lines.get(i);
        int index = line.columns.get(column);
        line.gaps.set(index, line.gaps.get(index) + due - least[i]);
      }
    }
  }

  /** Where the author has lined the column up; negative if nowhere. */
  private static int kept(int[] least, int[] author) {
    var times = new TreeMap<Integer, Integer>();
    for (int start : author) {
      times.merge(start, 1, Integer::sum);
    }
    int most =
        times.entrySet().stream()
            .max(
                Map.Entry.<Integer, Integer>comparingByValue()
                    .thenComparing(Map.Entry.comparingByKey(Comparator.reverseOrder())))
            .orElseThrow()
            .getKey();
    int inside = 0;
    int furthest = 0;
    for (int i = 0; i < least.length; i++) {
      if (least[i] <= most) {
        if (author[i] != most) {
          return -1;
        }
        inside++;
        furthest = Math.max(furthest, least[i]);
      } else if (least[i] <= most + MUCH) {
        return -1;
      }
    }
    return inside >= 2 && 2 * inside >= least.length && most - furthest <= 1 ? most : -1;
  }

  /** The first place that all lines reach, but for those that are much longer than the shortest. */
  private static int reached(int[] least) {
    int shortest = Integer.MAX_VALUE;
    for (int one : least) {
      shortest = Math.min(shortest, one);
    }
    int due = shortest;
    for (int one : least) {
      due = one <= shortest + FURTHEST ? Math.max(due, one) : due;
    }
    return due;
  }
}
