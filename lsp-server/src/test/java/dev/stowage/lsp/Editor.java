package dev.stowage.lsp;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.eclipse.lsp4j.DidOpenTextDocumentParams;
import org.eclipse.lsp4j.InitializeParams;
import org.eclipse.lsp4j.InitializeResult;
import org.eclipse.lsp4j.InitializedParams;
import org.eclipse.lsp4j.MessageActionItem;
import org.eclipse.lsp4j.MessageParams;
import org.eclipse.lsp4j.Position;
import org.eclipse.lsp4j.PublishDiagnosticsParams;
import org.eclipse.lsp4j.ShowMessageRequestParams;
import org.eclipse.lsp4j.TextDocumentIdentifier;
import org.eclipse.lsp4j.TextDocumentItem;
import org.eclipse.lsp4j.jsonrpc.Launcher;
import org.eclipse.lsp4j.launch.LSPLauncher;
import org.eclipse.lsp4j.services.LanguageClient;
import org.eclipse.lsp4j.services.LanguageServer;

/** An editor without windows: starts the server's jar as a process and talks to it. */
final class Editor implements LanguageClient, AutoCloseable {
  static final long SECONDS = 60;

  private final Process process;
  private final LanguageServer server;
  private final Map<String, BlockingQueue<PublishDiagnosticsParams>> published =
      new ConcurrentHashMap<>();

  private Editor() throws IOException {
    String java = ProcessHandle.current().info().command().orElse("java");
    process =
        new ProcessBuilder(
                java,
                "-Xlog:disable",
                "-Xlog:all=error:stderr",
                "-jar",
                System.getProperty("stowage.lsp.jar"))
            .redirectError(new File("target/lsp-stderr.log"))
            .start();
    Launcher<LanguageServer> launcher =
        LSPLauncher.createClientLauncher(this, process.getInputStream(), process.getOutputStream());
    server = launcher.getRemoteProxy();
    launcher.startListening();
  }

  static Editor start() throws IOException {
    return new Editor();
  }

  LanguageServer server() {
    return server;
  }

  Process process() {
    return process;
  }

  InitializeResult initialize(InitializeParams params) {
    InitializeResult result = get(server.initialize(params));
    server.initialized(new InitializedParams());
    return result;
  }

  /** Opens a text as the file and returns what is published for it. */
  PublishDiagnosticsParams open(Path file, String text) {
    String uri = uri(file);
    queue(uri).clear();
    server
        .getTextDocumentService()
        .didOpen(new DidOpenTextDocumentParams(new TextDocumentItem(uri, "stow", 1, text)));
    return diagnostics(uri);
  }

  PublishDiagnosticsParams diagnostics(String uri) {
    try {
      PublishDiagnosticsParams next = queue(uri).poll(SECONDS, TimeUnit.SECONDS);
      if (next == null) {
        throw new AssertionError("no diagnostics within " + SECONDS + " s for " + uri);
      }
      return next;
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private BlockingQueue<PublishDiagnosticsParams> queue(String uri) {
    return published.computeIfAbsent(uri, _ -> new LinkedBlockingQueue<>());
  }

  static String uri(Path file) {
    return file.toAbsolutePath().toUri().toString();
  }

  static TextDocumentIdentifier document(Path file) {
    return new TextDocumentIdentifier(uri(file));
  }

  /** The place of the first {@code part} in a text, {@code inside} characters further. */
  static Position position(String text, String part, int inside) {
    int offset = text.indexOf(part) + inside;
    List<String> lines = new ArrayList<>(text.substring(0, offset).lines().toList());
    if (offset == 0 || text.charAt(offset - 1) == '\n') {
      lines.add("");
    }
    return new Position(lines.size() - 1, lines.getLast().length());
  }

  static <T> T get(CompletableFuture<T> future) {
    try {
      return future.get(SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException | ExecutionException | TimeoutException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void publishDiagnostics(PublishDiagnosticsParams diagnostics) {
    queue(diagnostics.getUri()).add(diagnostics);
  }

  @Override
  public void telemetryEvent(Object object) {}

  @Override
  public void showMessage(MessageParams message) {}

  @Override
  public CompletableFuture<MessageActionItem> showMessageRequest(ShowMessageRequestParams request) {
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public void logMessage(MessageParams message) {}

  /** Waits for the process to end by itself. */
  int exitCode() {
    try {
      assertEquals(true, process.waitFor(SECONDS, TimeUnit.SECONDS), "the server still runs");
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    return process.exitValue();
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
