package dev.stowage.dsl.ide;

import com.google.inject.Singleton;
import dev.stowage.dsl.Checker;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Levels;
import dev.stowage.dsl.script.Script;
import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import org.apache.log4j.Logger;
import org.eclipse.xtext.resource.XtextResource;

/**
 * All diagnostics of a file that an editor shows: the language's own, then those of every source.
 */
@Singleton
public class Diagnosis {
  private static final Logger LOG = Logger.getLogger(Diagnosis.class);

  private final List<DiagnosticSource> sources;

  public Diagnosis() {
    sources =
        ServiceLoader.load(DiagnosticSource.class, Diagnosis.class.getClassLoader()).stream()
            .map(ServiceLoader.Provider::get)
            .toList();
  }

  List<Diagnostic> of(XtextResource resource) {
    List<Diagnostic> found = all(resource);
    if (resource.getURI().isFile()
        && !resource.getContents().isEmpty()
        && resource.getContents().getFirst() instanceof Script script) {
      Path file = Path.of(resource.getURI().toFileString()).toAbsolutePath();
      return Levels.apply(found, script, file, false).stream()
          .filter(one -> !one.span().file().endsWith(".properties"))
          .toList();
    }
    return found;
  }

  private List<Diagnostic> all(XtextResource resource) {
    List<Diagnostic> found = new ArrayList<>(Checker.check(resource));
    if (found.stream().anyMatch(Diagnostic::isError)
        || resource.getContents().isEmpty()
        || !resource.getURI().isFile()) {
      return found;
    }
    String file = new File(resource.getURI().toFileString()).getAbsolutePath();
    for (DiagnosticSource source : sources) {
      try {
        source.find((Script) resource.getContents().getFirst(), Path.of(file)).stream()
            .filter(one -> one.span().file().equals(file))
            .forEach(found::add);
      } catch (RuntimeException e) {
        // the editor keeps working when one source has a fault of its own; the log says which
        LOG.error("no diagnostics from " + source.getClass().getName(), e);
      }
    }
    return found;
  }
}
