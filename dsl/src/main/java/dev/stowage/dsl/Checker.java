package dev.stowage.dsl;

import dev.stowage.dsl.rules.Rules;
import dev.stowage.dsl.rules.ScriptTree;
import dev.stowage.dsl.script.Script;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.eclipse.xtext.nodemodel.INode;
import org.eclipse.xtext.nodemodel.SyntaxErrorMessage;
import org.eclipse.xtext.resource.XtextResource;

/**
 * Finds all that is wrong with one file: what the parser could not read, then what breaks one of
 * the {@link Rules}. The command line and the editor both see what this finds.
 */
public final class Checker {
  private static final int MOST_SYNTAX_ERRORS = 50;
  private static final int MOST = 500;

  private Checker() {}

  /** Checks a file and, through its imports, whether the files it needs are without errors. */
  public static List<Diagnostic> check(XtextResource resource) {
    return check(resource, new HashSet<>());
  }

  private static List<Diagnostic> check(XtextResource resource, Set<Object> checkedAlready) {
    checkedAlready.add(resource.getURI());
    List<Diagnostic> found = new ArrayList<>(syntax(resource));
    if (!resource.getContents().isEmpty()
        && resource.getContents().getFirst() instanceof Script script) {
      ScriptTree tree = ScriptTree.of(script);
      if (found.isEmpty() && script.getHeader() == null) {
        found.add(
            Messages.headerMissing(SourceSpan.startOf(Library.displayName(resource.getURI()))));
      }
      tree.check(Rules.EVERY_FILE, found::add);
      for (Imports.Request request : Imports.of(script)) {
        checkImported(request, checkedAlready, found);
      }
      if (found.stream().noneMatch(Diagnostic::isError)) {
        tree.check(Rules.SOUND_FILES, found::add);
      }
    }
    found.sort(Comparator.comparing(Diagnostic::span).thenComparing(Diagnostic::code));
    List<Diagnostic> all = found.stream().distinct().toList();
    if (all.size() <= MOST) {
      return all;
    }
    var first = new ArrayList<>(all.subList(0, MOST));
    first.add(Messages.notShown(all.get(MOST).span(), all.size() - MOST));
    return first;
  }

  private static void checkImported(
      Imports.Request request, Set<Object> checkedAlready, List<Diagnostic> found) {
    if (Imports.follow(request) instanceof Imports.Found.File(Script imported)
        && imported.eResource() instanceof XtextResource resource
        && !checkedAlready.contains(resource.getURI())) {
      check(resource, checkedAlready).stream()
          .filter(Diagnostic::isError)
          .findFirst()
          .ifPresent(
              first ->
                  Spans.of(request.statement(), request.feature())
                      .map(at -> Messages.importHasErrors(at, request.target(), first))
                      .ifPresent(found::add));
    }
  }

  private static List<Diagnostic> syntax(XtextResource resource) {
    var found = new ArrayList<Diagnostic>();
    if (resource.getParseResult() == null) {
      return found;
    }
    int left = 0;
    SourceSpan last = null;
    for (INode node : resource.getParseResult().getSyntaxErrors()) {
      SyntaxErrorMessage error = node.getSyntaxErrorMessage();
      SourceSpan at = Spans.of(node, resource);
      if (found.size() >= MOST_SYNTAX_ERRORS) {
        left++;
        last = at;
      } else {
        String code = error.getIssueCode();
        boolean ours = code != null && code.startsWith("SW");
        found.add(Messages.syntax(ours ? code : SyntaxMessages.UNEXPECTED, at, error.getMessage()));
      }
    }
    if (left > 0) {
      found.add(Messages.notShown(last, left));
    }
    return found;
  }
}
