package dev.stowage.lsp;

import com.google.inject.Inject;
import dev.stowage.dsl.Codes;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.eclipse.emf.common.util.URI;
import org.eclipse.lsp4j.ClientCapabilities;
import org.eclipse.lsp4j.DefinitionParams;
import org.eclipse.lsp4j.Diagnostic;
import org.eclipse.lsp4j.DiagnosticCodeDescription;
import org.eclipse.lsp4j.DidChangeWorkspaceFoldersParams;
import org.eclipse.lsp4j.DidOpenTextDocumentParams;
import org.eclipse.lsp4j.InitializeParams;
import org.eclipse.lsp4j.InitializeResult;
import org.eclipse.lsp4j.InlayHint;
import org.eclipse.lsp4j.InlayHintParams;
import org.eclipse.lsp4j.Location;
import org.eclipse.lsp4j.ServerCapabilities;
import org.eclipse.lsp4j.WorkspaceClientCapabilities;
import org.eclipse.lsp4j.WorkspaceFolder;
import org.eclipse.lsp4j.WorkspaceFoldersChangeEvent;
import org.eclipse.xtext.ide.server.LanguageServerImpl;
import org.eclipse.xtext.ide.server.UriExtensions;
import org.eclipse.xtext.util.CancelIndicator;
import org.eclipse.xtext.validation.Issue;

/**
 * Xtext's language server, made to work also for an editor that opens no folder, or a file outside
 * of every folder, and to end with the editor.
 */
public class PlanServer extends LanguageServerImpl {
  @Inject private UriExtensions uris;
  @Inject private LibraryFiles library;

  @Override
  public CompletableFuture<InitializeResult> initialize(InitializeParams params) {
    endWith(params.getProcessId());
    if (params.getRootUri() == null && !announcesFolders(params)) {
      // without a root, only a workspace of folders (none so far) is one that Xtext can start with
      if (params.getCapabilities() == null) {
        params.setCapabilities(new ClientCapabilities());
      }
      if (params.getCapabilities().getWorkspace() == null) {
        params.getCapabilities().setWorkspace(new WorkspaceClientCapabilities());
      }
      params.getCapabilities().getWorkspace().setWorkspaceFolders(true);
    }
    return super.initialize(params);
  }

  private static boolean announcesFolders(InitializeParams params) {
    return params.getCapabilities() != null
        && params.getCapabilities().getWorkspace() != null
        && Boolean.TRUE.equals(params.getCapabilities().getWorkspace().getWorkspaceFolders());
  }

  private static void endWith(Integer processId) {
    if (processId != null) {
      ProcessHandle.of(processId)
          .ifPresent(editor -> editor.onExit().thenRun(() -> System.exit(0)));
    }
  }

  @Override
  protected List<? extends Location> definition(CancelIndicator cancel, DefinitionParams params) {
    return super.definition(cancel, params).stream()
        .map(one -> new Location(library.openable(one.getUri()), one.getRange()))
        .toList();
  }

  @Override
  protected ServerCapabilities createServerCapabilities(InitializeParams params) {
    var capabilities = super.createServerCapabilities(params);
    capabilities.setInlayHintProvider(true);
    return capabilities;
  }

  @Override
  public CompletableFuture<List<InlayHint>> inlayHint(InlayHintParams params) {
    URI uri = uris.toUri(params.getTextDocument().getUri());
    return getRequestManager()
        .runRead(
            _ ->
                getWorkspaceManager()
                    .<List<InlayHint>>doRead(
                        uri,
                        (document, resource) ->
                            resource == null
                                ? List.of()
                                : SelectorHints.of(resource, document, params.getRange())));
  }

  /** With a link to the page of the code. */
  @Override
  protected Diagnostic toDiagnostic(Issue issue) {
    Diagnostic diagnostic = super.toDiagnostic(issue);
    Codes.page(issue.getCode())
        .map(page -> new DiagnosticCodeDescription(library.openable(page.address())))
        .ifPresent(diagnostic::setCodeDescription);
    return diagnostic;
  }

  @Override
  public void didOpen(DidOpenTextDocumentParams params) {
    URI uri = uris.toUri(params.getTextDocument().getUri());
    getRequestManager()
        .runWrite(
            () -> {
              if (getWorkspaceManager().getProjectManager(uri) == null) {
                addFolderOf(uri);
              }
              return null;
            },
            (_, _) -> null);
    super.didOpen(params);
  }

  private void addFolderOf(URI file) {
    URI folder = file.trimSegments(1);
    List<WorkspaceFolder> added = new ArrayList<>();
    added.add(new WorkspaceFolder(uris.toUriString(folder), folder.toString()));
    getWorkspaceManager()
        .didChangeWorkspaceFolders(
            new DidChangeWorkspaceFoldersParams(
                new WorkspaceFoldersChangeEvent(added, new ArrayList<>())),
            CancelIndicator.NullImpl);
  }
}
