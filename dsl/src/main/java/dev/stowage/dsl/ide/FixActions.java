package dev.stowage.dsl.ide;

import com.google.inject.Inject;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Fix;
import dev.stowage.dsl.TextEdit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.eclipse.lsp4j.CodeAction;
import org.eclipse.lsp4j.CodeActionKind;
import org.eclipse.lsp4j.CodeActionParams;
import org.eclipse.lsp4j.Command;
import org.eclipse.lsp4j.Range;
import org.eclipse.lsp4j.WorkspaceEdit;
import org.eclipse.lsp4j.jsonrpc.messages.Either;
import org.eclipse.xtext.ide.server.Document;
import org.eclipse.xtext.ide.server.codeActions.ICodeActionService2;
import org.eclipse.xtext.resource.XtextResource;

/** Offers the fixes of the diagnostics at the cursor, as found in the text as it is now. */
public class FixActions implements ICodeActionService2 {
  @Inject private Diagnosis diagnosis;

  @Override
  public List<Either<Command, CodeAction>> getCodeActions(Options options) {
    CodeActionParams params = options.getCodeActionParams();
    List<String> only = params.getContext().getOnly();
    if (only != null && !only.isEmpty() && !only.contains(CodeActionKind.QuickFix)) {
      return List.of();
    }
    return options
        .getLanguageServerAccess()
        .doSyncRead(
            options.getURI(),
            context ->
                context.getResource() instanceof XtextResource resource
                    ? actions(resource, context.getDocument(), options)
                    : List.of());
  }

  private List<Either<Command, CodeAction>> actions(
      XtextResource resource, Document document, Options options) {
    var actions = new ArrayList<Either<Command, CodeAction>>();
    for (Diagnostic diagnostic : diagnosis.of(resource)) {
      for (var asked : options.getCodeActionParams().getContext().getDiagnostics()) {
        if (asked.getCode() != null
            && diagnostic.code().equals(asked.getCode().get().toString())
            && document
                .getPosition(diagnostic.span().offset())
                .equals(asked.getRange().getStart())) {
          for (Fix fix : diagnostic.fixes()) {
            actions.add(Either.forRight(action(fix, asked, document, options.getURI())));
          }
        }
      }
    }
    return actions;
  }

  private static CodeAction action(
      Fix fix, org.eclipse.lsp4j.Diagnostic asked, Document document, String uri) {
    var edits = new ArrayList<org.eclipse.lsp4j.TextEdit>();
    for (TextEdit edit : fix.edits()) {
      int start = edit.span().offset();
      edits.add(
          new org.eclipse.lsp4j.TextEdit(
              new Range(
                  document.getPosition(start), document.getPosition(start + edit.span().length())),
              edit.newText()));
    }
    var action = new CodeAction(fix.title());
    action.setKind(CodeActionKind.QuickFix);
    action.setDiagnostics(List.of(asked));
    action.setIsPreferred(fix.preferred());
    action.setEdit(new WorkspaceEdit(Map.of(uri, edits)));
    return action;
  }
}
