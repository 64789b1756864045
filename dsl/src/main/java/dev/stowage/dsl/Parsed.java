package dev.stowage.dsl;

import dev.stowage.dsl.script.Gguf;
import dev.stowage.dsl.script.HuggingFace;
import dev.stowage.dsl.script.Script;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.eclipse.emf.common.util.URI;
import org.eclipse.emf.ecore.resource.Resource;

/**
 * A file as read.
 *
 * @param root the tree; never null, empty when nothing could be read
 * @param diagnostics in reading order
 */
public record Parsed(Script root, List<Diagnostic> diagnostics) {
  public Parsed {
    Objects.requireNonNull(root, "root");
    diagnostics = List.copyOf(diagnostics);
  }

  public boolean hasErrors() {
    return diagnostics.stream().anyMatch(Diagnostic::isError);
  }

  /** The files that were read: this one, then those it imports; entries of the library not. */
  public List<Path> files() {
    Resource resource = root.eResource();
    return resource == null
        ? List.of()
        : resource.getResourceSet().getResources().stream()
            .map(Resource::getURI)
            .filter(URI::isFile)
            .map(uri -> Path.of(uri.toFileString()))
            .distinct()
            .toList();
  }

  /** The folders and files of the models that this file names, whether they are there or not. */
  public List<Path> models() {
    Resource resource = root.eResource();
    if (resource == null || !resource.getURI().isFile()) {
      return List.of();
    }
    Path file = Path.of(resource.getURI().toFileString());
    var models = new ArrayList<Path>();
    resource
        .getAllContents()
        .forEachRemaining(
            node -> {
              String path =
                  switch (node) {
                    case HuggingFace model -> model.getDirectory();
                    case Gguf model -> model.getFile();
                    default -> null;
                  };
              if (path != null && path.indexOf('\0') < 0) {
                models.add(file.resolveSibling(path).normalize());
              }
            });
    return models;
  }
}
