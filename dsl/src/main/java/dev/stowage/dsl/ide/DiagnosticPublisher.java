package dev.stowage.dsl.ide;

import com.google.inject.Inject;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Related;
import java.util.List;
import org.eclipse.emf.common.util.URI;
import org.eclipse.emf.ecore.resource.Resource;
import org.eclipse.xtext.diagnostics.Severity;
import org.eclipse.xtext.nodemodel.INode;
import org.eclipse.xtext.nodemodel.util.NodeModelUtils;
import org.eclipse.xtext.resource.XtextResource;
import org.eclipse.xtext.util.CancelIndicator;
import org.eclipse.xtext.util.LineAndColumn;
import org.eclipse.xtext.validation.CheckMode;
import org.eclipse.xtext.validation.IResourceValidator;
import org.eclipse.xtext.validation.Issue;

/** Turns diagnostics into what Xtext publishes. */
public class DiagnosticPublisher implements IResourceValidator {
  @Inject private Diagnosis diagnosis;

  @Override
  public List<Issue> validate(Resource resource, CheckMode mode, CancelIndicator cancel) {
    return resource instanceof XtextResource file
        ? diagnosis.of(file).stream().map(one -> issue(one, file)).toList()
        : List.of();
  }

  private static Issue issue(Diagnostic diagnostic, XtextResource resource) {
    var issue = new Issue.IssueImpl();
    URI uri = resource.getURI();
    issue.setUriToProblem(uri.appendFragment("/"));
    issue.setCode(diagnostic.code());
    issue.setSyntaxError(diagnostic.code().startsWith("SW0"));
    issue.setSeverity(
        switch (diagnostic.severity()) {
          case ERROR -> Severity.ERROR;
          case WARNING -> Severity.WARNING;
          case INFO -> Severity.INFO;
        });
    issue.setMessage(message(diagnostic));
    int end = diagnostic.span().offset() + diagnostic.span().length();
    issue.setOffset(diagnostic.span().offset());
    issue.setLength(diagnostic.span().length());
    issue.setLineNumber(diagnostic.span().line());
    issue.setColumn(diagnostic.span().column());
    INode root = resource.getParseResult().getRootNode();
    LineAndColumn last =
        NodeModelUtils.getLineAndColumn(root, Math.min(end, root.getTotalLength()));
    issue.setLineNumberEnd(last.getLine());
    issue.setColumnEnd(last.getColumn());
    return issue;
  }

  private static String message(Diagnostic diagnostic) {
    var text = new StringBuilder(diagnostic.message());
    for (Related other : diagnostic.related()) {
      text.append("\nline ").append(other.span().line());
      if (!other.span().file().equals(diagnostic.span().file())) {
        text.append(" of ").append(other.span().file());
      }
      text.append(": ").append(other.note());
    }
    return text.toString();
  }
}
