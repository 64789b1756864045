package dev.stowage.dsl;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/**
 * A text with the preferred fixes of its diagnostics applied, again and again until none is left:
 * mending one mistake may show the next.
 *
 * @param text the text after all
 * @param applied what was done, in order; places are those of the text as it then was
 */
public record Repair(String text, List<Applied> applied) {
  private static final int MOST_ROUNDS = 40;

  public Repair {
    applied = List.copyOf(applied);
  }

  /** One fix that was applied, and what it mended. */
  public record Applied(Diagnostic diagnostic, Fix fix) {}

  /**
   * Mends a text.
   *
   * @param file the name that spans give the text; fixes of other files are left alone
   * @param check finds the diagnostics of a text
   */
  public static Repair of(String text, String file, Function<String, List<Diagnostic>> check) {
    var applied = new ArrayList<Applied>();
    Set<String> seen = new HashSet<>();
    String current = text;
    for (int round = 0; round < MOST_ROUNDS && seen.add(current); round++) {
      List<Applied> now = together(check.apply(current), file, current.length());
      if (now.isEmpty()) {
        break;
      }
      String mended = edited(current, now);
      if (seen.contains(mended)) {
        break; // two fixes undo each other: better none of them
      }
      applied.addAll(now);
      current = mended;
    }
    return new Repair(current, applied);
  }

  /** The preferred fixes whose edits touch no edit of another. */
  private static List<Applied> together(List<Diagnostic> found, String file, int length) {
    var chosen = new ArrayList<Applied>();
    var edits = new ArrayList<TextEdit>();
    for (Diagnostic diagnostic : found) {
      diagnostic.fixes().stream()
          .filter(Fix::preferred)
          .findFirst()
          .filter(fix -> fix.edits().stream().allMatch(edit -> isOf(edit, file, length)))
          .filter(fix -> fix.edits().stream().noneMatch(edit -> touches(edit, edits)))
          .ifPresent(
              fix -> {
                chosen.add(new Applied(diagnostic, fix));
                edits.addAll(fix.edits());
              });
    }
    return chosen;
  }

  private static boolean isOf(TextEdit edit, String file, int length) {
    return edit.span().file().equals(file) && end(edit) <= length;
  }

  private static boolean touches(TextEdit edit, List<TextEdit> others) {
    return others.stream()
        .anyMatch(
            other -> edit.span().offset() <= end(other) && other.span().offset() <= end(edit));
  }

  private static int end(TextEdit edit) {
    return edit.span().offset() + edit.span().length();
  }

  private static String edited(String text, List<Applied> fixes) {
    var result = new StringBuilder(text);
    fixes.stream()
        .flatMap(one -> one.fix().edits().stream())
        .sorted(Comparator.comparingInt((TextEdit edit) -> edit.span().offset()).reversed())
        .forEach(edit -> result.replace(edit.span().offset(), end(edit), edit.newText()));
    return result.toString();
  }
}
