package dev.stowage.lsp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.eclipse.lsp4j.ClientCapabilities;
import org.eclipse.lsp4j.CodeAction;
import org.eclipse.lsp4j.CodeActionContext;
import org.eclipse.lsp4j.CodeActionParams;
import org.eclipse.lsp4j.CompletionItem;
import org.eclipse.lsp4j.CompletionParams;
import org.eclipse.lsp4j.DefinitionParams;
import org.eclipse.lsp4j.Diagnostic;
import org.eclipse.lsp4j.DidChangeTextDocumentParams;
import org.eclipse.lsp4j.DocumentFormattingParams;
import org.eclipse.lsp4j.DocumentSymbol;
import org.eclipse.lsp4j.DocumentSymbolCapabilities;
import org.eclipse.lsp4j.DocumentSymbolParams;
import org.eclipse.lsp4j.FoldingRange;
import org.eclipse.lsp4j.FoldingRangeCapabilities;
import org.eclipse.lsp4j.FoldingRangeRequestParams;
import org.eclipse.lsp4j.FormattingOptions;
import org.eclipse.lsp4j.Hover;
import org.eclipse.lsp4j.HoverParams;
import org.eclipse.lsp4j.InitializeParams;
import org.eclipse.lsp4j.InitializeResult;
import org.eclipse.lsp4j.InlayHintParams;
import org.eclipse.lsp4j.Location;
import org.eclipse.lsp4j.Position;
import org.eclipse.lsp4j.Range;
import org.eclipse.lsp4j.ReferenceContext;
import org.eclipse.lsp4j.ReferenceParams;
import org.eclipse.lsp4j.RenameParams;
import org.eclipse.lsp4j.SemanticTokensParams;
import org.eclipse.lsp4j.TextDocumentClientCapabilities;
import org.eclipse.lsp4j.TextDocumentContentChangeEvent;
import org.eclipse.lsp4j.TextEdit;
import org.eclipse.lsp4j.VersionedTextDocumentIdentifier;
import org.eclipse.lsp4j.WorkspaceClientCapabilities;
import org.eclipse.lsp4j.WorkspaceEdit;
import org.eclipse.lsp4j.WorkspaceFolder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The shaded jar, driven over its standard input and output as an editor drives it. */
class LanguageServerIT {
  private static final String HOST =
      """
      library here
      platform box {
        host ram { memory 8 GiB }
        disk ssd { memory 1 TB  path "/tmp/x" }
      }
      """;
  private static final String PLAN =
      """
      /// A plan.
      plan p
      platform from "here.stow"
      param share : percent = 20%
      model m = shape opt-125m { dtype fp16 }
      workload w { prompt 32 tok  generate 8 tok }
      place {
        weights on ram >= share, ssd rest
        kv      on ram 100%
      }
      maximize throughput
      """;

  private static final String WHOLE =
      PLAN.replace(
          "platform from \"here.stow\"", HOST.substring(HOST.indexOf("platform")).stripTrailing());

  @TempDir private Path folder;
  private Editor editor;
  private Path plan;
  private Path host;

  @BeforeEach
  void start() throws IOException {
    host = Files.writeString(folder.resolve("here.stow"), HOST);
    plan = Files.writeString(folder.resolve("p.stow"), PLAN);
    editor = Editor.start();
  }

  @AfterEach
  void stop() {
    editor.close();
  }

  private InitializeResult initialize() {
    var params = new InitializeParams();
    var capabilities = new ClientCapabilities();
    var workspace = new WorkspaceClientCapabilities();
    workspace.setWorkspaceFolders(true);
    capabilities.setWorkspace(workspace);
    var text = new TextDocumentClientCapabilities();
    text.setFoldingRange(new FoldingRangeCapabilities());
    var symbols = new DocumentSymbolCapabilities();
    symbols.setHierarchicalDocumentSymbolSupport(true);
    text.setDocumentSymbol(symbols);
    capabilities.setTextDocument(text);
    params.setCapabilities(capabilities);
    params.setWorkspaceFolders(List.of(new WorkspaceFolder(Editor.uri(folder), "folder")));
    params.setProcessId((int) ProcessHandle.current().pid());
    InitializeResult result = editor.initialize(params);
    // what lies in the folder is checked first, as it is on disk
    editor.diagnostics(Editor.uri(plan));
    editor.diagnostics(Editor.uri(host));
    return result;
  }

  private static List<String> codes(List<Diagnostic> diagnostics) {
    return diagnostics.stream().map(one -> one.getCode().get().toString()).toList();
  }

  private static String apply(String text, List<? extends TextEdit> edits) {
    var out = new StringBuilder(text);
    edits.stream()
        .sorted(
            Comparator.comparingInt((TextEdit one) -> offset(text, one.getRange().getStart()))
                .reversed())
        .forEach(
            one ->
                out.replace(
                    offset(text, one.getRange().getStart()),
                    offset(text, one.getRange().getEnd()),
                    one.getNewText()));
    return out.toString();
  }

  private static int offset(String text, Position position) {
    int offset = 0;
    for (int line = 0; line < position.getLine(); line++) {
      offset = text.indexOf('\n', offset) + 1;
    }
    return offset + position.getCharacter();
  }

  @Test
  void announcesWhatItCanDo() {
    var capabilities = initialize().getCapabilities();

    assertNotNull(capabilities.getCompletionProvider());
    assertNotNull(capabilities.getSemanticTokensProvider());
    assertEquals(true, capabilities.getHoverProvider().get());
    assertEquals(true, capabilities.getInlayHintProvider().get());
    assertEquals(true, capabilities.getFoldingRangeProvider().get());
    assertEquals(true, capabilities.getCodeActionProvider().get());
    assertEquals(true, capabilities.getRenameProvider().get());
  }

  @Test
  void aPlanWithoutMistakesHasNoErrors() {
    initialize();

    List<Diagnostic> found = editor.open(plan, WHOLE).getDiagnostics();

    assertEquals(List.of(), found);
  }

  @Test
  void aMistakeIsPublishedWhileTypingAndItsFixMendsIt() {
    initialize();
    editor.open(plan, PLAN);
    String text = PLAN.replace("8 tok", "8");
    editor
        .server()
        .getTextDocumentService()
        .didChange(
            new DidChangeTextDocumentParams(
                new VersionedTextDocumentIdentifier(Editor.uri(plan), 2),
                List.of(new TextDocumentContentChangeEvent(text))));

    List<Diagnostic> found = editor.diagnostics(Editor.uri(plan)).getDiagnostics();
    assertEquals(List.of("SW105"), codes(found));
    String page = found.getFirst().getCodeDescription().getHref();
    assertTrue(page.startsWith("file:") && page.endsWith("SW105.md"), page);

    var actions =
        Editor.get(
            editor
                .server()
                .getTextDocumentService()
                .codeAction(
                    new CodeActionParams(
                        Editor.document(plan),
                        found.getFirst().getRange(),
                        new CodeActionContext(found))));
    CodeAction action = actions.getFirst().getRight();
    assertEquals("write 8 tok", action.getTitle());
    assertEquals(PLAN, apply(text, action.getEdit().getChanges().get(Editor.uri(plan))));
  }

  @Test
  void theCompilerAlsoSpeaks() {
    initialize();

    List<Diagnostic> found =
        editor.open(plan, WHOLE.replace("shape opt-125m", "shape nonsense-9")).getDiagnostics();

    assertTrue(codes(found).stream().anyMatch(code -> code.startsWith("SW2")), found::toString);
  }

  @Test
  void aChangeOfAFileIsSeenInThoseThatImportIt() {
    initialize();
    editor.open(plan, PLAN);

    editor.open(host, HOST.replace("host ram", "host dram"));
    List<Diagnostic> found = editor.diagnostics(Editor.uri(plan)).getDiagnostics();

    assertEquals(List.of("SW101", "SW101"), codes(found));
  }

  private List<String> complete(String text, String part, int inside) {
    editor.open(plan, text);
    var answer =
        Editor.get(
            editor
                .server()
                .getTextDocumentService()
                .completion(
                    new CompletionParams(
                        Editor.document(plan), Editor.position(text, part, inside))));
    return answer.getRight().getItems().stream().map(CompletionItem::getLabel).toList();
  }

  @Test
  void completionOffersWhatFitsAndNothingElse() {
    initialize();

    List<String> devices = complete(PLAN, "ssd rest", 0);
    assertTrue(devices.containsAll(List.of("ram", "ssd")), devices::toString);
    assertFalse(devices.contains("share"), devices::toString);

    List<String> items = complete(PLAN, "generate", 0);
    assertTrue(items.containsAll(List.of("generate", "batch", "micro-batches")), items::toString);
    assertFalse(items.contains("gpu"), items::toString);

    List<String> statements = complete(PLAN, "maximize", 0);
    assertTrue(
        statements.containsAll(List.of("schedule", "maximize", "test")), statements::toString);
  }

  @Test
  void hoverShowsADeviceOfAnotherFileAsMarkdown() {
    initialize();
    editor.open(plan, PLAN);

    Hover hover =
        Editor.get(
            editor
                .server()
                .getTextDocumentService()
                .hover(
                    new HoverParams(Editor.document(plan), Editor.position(PLAN, "ssd rest", 1))));

    assertEquals("markdown", hover.getContents().getRight().getKind());
    assertTrue(hover.getContents().getRight().getValue().contains("disk ssd { memory 1 TB"));
  }

  @Test
  void hoverSaysWhatAWordMeans() {
    initialize();
    editor.open(plan, PLAN);

    Hover hover =
        Editor.get(
            editor
                .server()
                .getTextDocumentService()
                .hover(
                    new HoverParams(Editor.document(plan), Editor.position(PLAN, "generate", 2))));

    assertTrue(
        hover.getContents().getRight().getValue().contains("Tokens made for each prompt"),
        hover::toString);
  }

  @Test
  void selectorsSayHowMuchTheySelectAsTheModelIsEdited() {
    initialize();
    String text =
        PLAN.replace("weights on ram >= share", "weights of layers[0..3].mlp on ram >= share");
    editor.open(plan, text);

    Hover hover =
        Editor.get(
            editor
                .server()
                .getTextDocumentService()
                .hover(
                    new HoverParams(Editor.document(plan), Editor.position(text, "layers[", 1))));
    assertTrue(
        hover.getContents().getRight().getValue().contains("8 matrices, 36.0 MiB"),
        hover::toString);

    assertEquals(List.of("8 matrices, 36.0 MiB"), hints());
    editor
        .server()
        .getTextDocumentService()
        .didChange(
            new DidChangeTextDocumentParams(
                new VersionedTextDocumentIdentifier(Editor.uri(plan), 2),
                List.of(
                    new TextDocumentContentChangeEvent(
                        text.replace("layers[0..3].mlp", "layers[*].mlp")))));
    assertEquals(List.of("24 matrices, 108.0 MiB"), hints());
  }

  private List<String> hints() {
    return Editor.get(
            editor
                .server()
                .getTextDocumentService()
                .inlayHint(
                    new InlayHintParams(
                        Editor.document(plan), new Range(new Position(0, 0), new Position(99, 0)))))
        .stream()
        .map(hint -> hint.getLabel().getLeft())
        .toList();
  }

  @Test
  void definitionAndReferencesCrossFiles() {
    initialize();
    editor.open(plan, PLAN);
    var at = Editor.position(PLAN, "ram >=", 1);

    List<? extends Location> definition =
        Editor.get(
                editor
                    .server()
                    .getTextDocumentService()
                    .definition(new DefinitionParams(Editor.document(plan), at)))
            .getLeft();
    assertEquals(Editor.uri(host), definition.getFirst().getUri());
    assertEquals(2, definition.getFirst().getRange().getStart().getLine());

    List<? extends Location> references =
        Editor.get(
            editor
                .server()
                .getTextDocumentService()
                .references(
                    new ReferenceParams(Editor.document(plan), at, new ReferenceContext(false))));
    assertEquals(
        List.of(7, 8),
        references.stream().map(one -> one.getRange().getStart().getLine()).sorted().toList());
  }

  @Test
  void renamingADeviceRenamesItInEveryFile() {
    initialize();
    editor.open(plan, PLAN);

    WorkspaceEdit edit =
        Editor.get(
            editor
                .server()
                .getTextDocumentService()
                .rename(
                    new RenameParams(
                        Editor.document(plan), Editor.position(PLAN, "ram >=", 1), "dram")));

    assertEquals(
        PLAN.replace("on ram", "on dram"), apply(PLAN, edit.getChanges().get(Editor.uri(plan))));
    assertEquals(
        HOST.replace("host ram", "host dram"),
        apply(HOST, edit.getChanges().get(Editor.uri(host))));
  }

  @Test
  void theOutlineNamesStatementsAndDevices() {
    initialize();
    editor.open(host, HOST);
    var symbols =
        Editor.get(
            editor
                .server()
                .getTextDocumentService()
                .documentSymbol(new DocumentSymbolParams(Editor.document(host))));
    DocumentSymbol platform = symbols.getFirst().getRight();

    assertEquals("box", platform.getName());
    assertEquals(
        List.of("ram", "ssd"),
        platform.getChildren().stream().map(DocumentSymbol::getName).toList());

    editor.open(plan, PLAN);
    assertEquals(
        List.of("platform", "share", "m", "w", "place", "maximize throughput"),
        Editor.get(
                editor
                    .server()
                    .getTextDocumentService()
                    .documentSymbol(new DocumentSymbolParams(Editor.document(plan))))
            .stream()
            .map(one -> one.getRight().getName())
            .toList());
  }

  @Test
  void formattingLaysTheFileOut() {
    initialize();
    String flat = PLAN.replaceAll("(?m)^ +", "");
    editor.open(plan, flat);

    List<? extends TextEdit> edits =
        Editor.get(
            editor
                .server()
                .getTextDocumentService()
                .formatting(
                    new DocumentFormattingParams(
                        Editor.document(plan), new FormattingOptions(8, false))));

    assertEquals(PLAN, apply(flat, edits));
  }

  @Test
  void blocksFold() {
    initialize();
    editor.open(plan, PLAN);

    List<FoldingRange> ranges =
        Editor.get(
            editor
                .server()
                .getTextDocumentService()
                .foldingRange(new FoldingRangeRequestParams(Editor.document(plan))));

    assertTrue(
        ranges.stream().anyMatch(one -> one.getStartLine() == 6 && one.getEndLine() >= 8),
        ranges::toString);
  }

  @Test
  void namesHaveSemanticTokens() {
    InitializeResult result = initialize();
    editor.open(plan, PLAN);
    List<Integer> data =
        Editor.get(
                editor
                    .server()
                    .getTextDocumentService()
                    .semanticTokensFull(new SemanticTokensParams(Editor.document(plan))))
            .getData();

    List<String> types =
        result.getCapabilities().getSemanticTokensProvider().getLegend().getTokenTypes();
    var found = new ArrayList<String>();
    int line = 0;
    int column = 0;
    for (int i = 0; i < data.size(); i += 5) {
      column = data.get(i) == 0 ? column + data.get(i + 1) : data.get(i + 1);
      line += data.get(i);
      String text = PLAN.lines().toList().get(line);
      found.add(
          text.substring(column, column + data.get(i + 2)) + " " + types.get(data.get(i + 3)));
    }
    assertTrue(found.contains("ram variable"), found::toString);
    assertTrue(found.contains("share parameter"), found::toString);
    assertTrue(found.contains("generate property"), found::toString);
    assertTrue(found.contains("throughput function"), found::toString);
  }

  @Test
  void worksWithoutAnyFolder() {
    editor.initialize(new InitializeParams());

    assertEquals(List.of(), editor.open(plan, WHOLE).getDiagnostics());
  }

  @Test
  void endsWhenAskedTo() {
    initialize();

    Editor.get(editor.server().shutdown());
    editor.server().exit();

    assertEquals(0, editor.exitCode());
  }

  @Test
  void endsWhenItsInputEnds() throws IOException {
    initialize();

    editor.process().getOutputStream().close();

    assertEquals(0, editor.exitCode());
  }
}
