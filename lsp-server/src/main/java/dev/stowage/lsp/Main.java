package dev.stowage.lsp;

import com.google.inject.Guice;
import com.google.inject.Injector;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.concurrent.ExecutionException;
import org.apache.log4j.BasicConfigurator;
import org.apache.log4j.Level;
import org.apache.log4j.Logger;
import org.eclipse.lsp4j.jsonrpc.Launcher;
import org.eclipse.lsp4j.services.LanguageClient;
import org.eclipse.xtext.ide.server.LanguageServerImpl;
import org.eclipse.xtext.ide.server.ServerModule;
import org.eclipse.xtext.util.IFileSystemScanner;
import org.eclipse.xtext.util.Modules2;

/**
 * Starts the language server on standard input and output. It ends when the editor says so, when
 * standard input ends, or when the process that started it is gone.
 */
public final class Main {
  private Main() {}

  public static void main(String[] args) throws InterruptedException {
    InputStream in = System.in;
    OutputStream out = System.out;
    // whatever else prints must not print into the protocol
    System.setOut(System.err);
    System.setIn(InputStream.nullInputStream());
    BasicConfigurator.configure();
    Logger.getRootLogger().setLevel(Level.WARN);

    Injector injector =
        Guice.createInjector(
            Modules2.mixin(
                new ServerModule(),
                binder -> {
                  binder.bind(LanguageServerImpl.class).to(PlanServer.class);
                  binder.bind(IFileSystemScanner.class).to(BoundedScanner.class);
                }));
    LanguageServerImpl server = injector.getInstance(LanguageServerImpl.class);
    Launcher<LanguageClient> launcher =
        Launcher.createLauncher(server, LanguageClient.class, in, out);
    server.connect(launcher.getRemoteProxy());
    try {
      launcher.startListening().get();
      System.exit(0);
    } catch (ExecutionException e) {
      e.getCause().printStackTrace(System.err);
      System.exit(1);
    }
  }
}
