package dev.stowage.dsl;

import dev.stowage.dsl.script.Script;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.eclipse.xtext.nodemodel.ICompositeNode;
import org.eclipse.xtext.nodemodel.ILeafNode;
import org.eclipse.xtext.resource.XtextResource;

/**
 * The diagnostics that an author has looked at and allows, by a comment at the line's end or right
 * above it: {@code // stowage:allow SW402 because the drive comes next week}.
 */
final class Suppressions {
  private static final String MARK = "stowage:allow";
  private static final Pattern FORM =
      Pattern.compile(
          "///?\\s*stowage:allow\\s+(SW[0-9]{3}(?:\\s*,\\s*SW[0-9]{3})*)\\s+because\\s+\\S.*");

  /** What one comment allows in one line. */
  private record Allowed(SourceSpan comment, int line, String code) {}

  private final List<Allowed> allowed = new ArrayList<>();
  private final List<Diagnostic> wrong = new ArrayList<>();
  private final String file;

  private Suppressions(String file) {
    this.file = file;
  }

  static Suppressions of(Script script) {
    if (!(script.eResource() instanceof XtextResource resource)
        || resource.getParseResult() == null) {
      return new Suppressions("");
    }
    var suppressions = new Suppressions(Library.displayName(resource.getURI()));
    ICompositeNode root = resource.getParseResult().getRootNode();
    if (root.getText().contains(MARK)) {
      suppressions.read(root, resource);
    }
    return suppressions;
  }

  private void read(ICompositeNode root, XtextResource resource) {
    int lastLine = 0;
    var waiting = new ArrayList<SourceSpan>();
    var texts = new ArrayList<String>();
    for (ILeafNode leaf : root.getLeafNodes()) {
      String text = leaf.getText().strip();
      if (text.isEmpty()) {
        continue;
      }
      SourceSpan at = Spans.at(root, resource, leaf.getOffset(), text.length());
      if (!leaf.isHidden()) {
        for (int i = 0; i < waiting.size(); i++) {
          comment(texts.get(i), waiting.get(i), at.line());
        }
        waiting.clear();
        texts.clear();
        lastLine = leaf.getEndLine();
      } else if (text.startsWith("//") && text.contains(MARK)) {
        if (at.line() == lastLine) {
          comment(text, at, at.line());
        } else {
          waiting.add(at);
          texts.add(text);
        }
      }
    }
    for (int i = 0; i < waiting.size(); i++) {
      comment(texts.get(i), waiting.get(i), 0);
    }
  }

  private void comment(String text, SourceSpan at, int line) {
    Matcher form = FORM.matcher(text);
    if (!form.matches()) {
      wrong.add(Messages.notAnAllowance(at));
      return;
    }
    for (String code : form.group(1).split("\\s*,\\s*")) {
      if (Codes.page(code).isEmpty() || !Levels.canBeLowered(code)) {
        wrong.add(Messages.cannotBeAllowed(at, code));
      } else {
        allowed.add(new Allowed(at, line, code));
      }
    }
  }

  /**
   * What is left; with what is wrong with the comments themselves.
   *
   * @param complete whether every stage has looked at the source
   * @param notLookedFor codes that no stage looked for all the same
   */
  List<Diagnostic> apply(List<Diagnostic> found, boolean complete, Set<String> notLookedFor) {
    Set<Allowed> used = new HashSet<>();
    var left = new ArrayList<Diagnostic>();
    for (Diagnostic diagnostic : found) {
      List<Allowed> by = allowed.stream().filter(one -> isAbout(one, diagnostic)).toList();
      used.addAll(by);
      if (by.isEmpty()) {
        left.add(diagnostic);
      }
    }
    left.addAll(wrong);
    if (complete) {
      allowed.stream()
          .filter(one -> !used.contains(one) && !notLookedFor.contains(one.code()))
          .forEach(one -> left.add(Messages.unusedAllowance(one.comment(), one.code())));
    }
    return left;
  }

  private boolean isAbout(Allowed one, Diagnostic diagnostic) {
    return diagnostic.code().equals(one.code())
        && diagnostic.span().line() == one.line()
        && diagnostic.span().file().equals(file);
  }
}
