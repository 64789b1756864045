package dev.stowage.dsl;

import dev.stowage.dsl.script.Import;
import dev.stowage.dsl.script.Platform;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.ScriptPackage;
import dev.stowage.dsl.script.Statement;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.eclipse.emf.common.util.URI;
import org.eclipse.emf.common.util.WrappedException;
import org.eclipse.emf.ecore.EAttribute;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.emf.ecore.resource.Resource;
import org.eclipse.emf.ecore.resource.ResourceSet;

/**
 * Finds the files that a file imports: entries of the library, or files relative to the importing
 * one. Nothing else is ever opened: no network, no pipe, no file of another kind.
 */
public final class Imports {
  private Imports() {}

  /** One import as written: an {@code import} statement, or {@code platform … from}. */
  public record Request(EObject statement, EAttribute feature, String target) {}

  /** What an import leads to. */
  public sealed interface Found {
    record File(Script script) implements Found {}

    record UnknownEntry() implements Found {}

    record NotImportable(String why) implements Found {}

    record Unreadable(String why) implements Found {}
  }

  /** The imports of one file, in reading order. */
  public static List<Request> of(Script script) {
    var requests = new ArrayList<Request>();
    for (Statement statement : script.getStatements()) {
      if (statement instanceof Import one && one.getImportURI() != null) {
        requests.add(
            new Request(one, ScriptPackage.Literals.IMPORT__IMPORT_URI, one.getImportURI()));
      } else if (statement instanceof Platform platform && platform.getImportURI() != null) {
        requests.add(
            new Request(
                platform, ScriptPackage.Literals.PLATFORM__IMPORT_URI, platform.getImportURI()));
      }
    }
    return requests;
  }

  /** The file itself, then all that it imports, directly or not, each once. */
  public static List<Script> visibleFrom(Script script) {
    var visible = new ArrayList<Script>();
    Set<Resource> seen = new HashSet<>();
    var open = new ArrayDeque<Script>();
    open.add(script);
    seen.add(script.eResource());
    while (!open.isEmpty()) {
      Script next = open.remove();
      visible.add(next);
      for (Request request : of(next)) {
        if (follow(request) instanceof Found.File(Script imported)
            && seen.add(imported.eResource())) {
          open.add(imported);
        }
      }
    }
    return visible;
  }

  /** Opens what an import names. */
  public static Found follow(Request request) {
    Resource from = request.statement().eResource();
    String target = request.target();
    if (Library.isEntry(target)) {
      return Library.find(target)
          .map(uri -> load(from.getResourceSet(), uri))
          .orElseGet(Found.UnknownEntry::new);
    }
    if (!target.endsWith(".stow")) {
      return new Found.NotImportable("the name of a file to import ends in .stow");
    }
    Optional<Path> path = relative(from.getURI(), target);
    if (path.isEmpty()) {
      return new Found.NotImportable("an import is a file name or lib:maker/name");
    }
    try {
      if (!Files.exists(path.get())) {
        return new Found.Unreadable("there is no such file");
      }
      if (!Files.isRegularFile(path.get())) {
        return new Found.Unreadable("it is not a regular file");
      }
      if (Files.size(path.get()) > StowParser.MAX_BYTES) {
        return new Found.Unreadable("it is too large for a plan");
      }
    } catch (IOException e) {
      return new Found.Unreadable("it cannot be read");
    }
    return load(from.getResourceSet(), likeIn(from.getURI(), path.get()));
  }

  private static Optional<Path> relative(URI from, String target) {
    if (target.contains(":") || target.indexOf('\0') >= 0 || !from.isFile()) {
      return Optional.empty();
    }
    try {
      Path file = Path.of(from.toFileString()).toAbsolutePath();
      return Optional.of(file.resolveSibling(target).normalize());
    } catch (InvalidPathException e) {
      return Optional.empty();
    }
  }

  /**
   * A file's address, written as in the importing file's: an editor says file:///, others file:/.
   */
  private static URI likeIn(URI from, Path path) {
    URI plain = URI.createFileURI(path.toString());
    return from.hasAuthority() == plain.hasAuthority()
        ? plain
        : URI.createHierarchicalURI(
            plain.scheme(), from.authority(), plain.device(), plain.segments(), null, null);
  }

  private static Found load(ResourceSet resources, URI uri) {
    try {
      Resource resource = resources.getResource(uri, true);
      if (!resource.getContents().isEmpty()
          && resource.getContents().getFirst() instanceof Script script) {
        return new Found.File(script);
      }
      return new Found.Unreadable("it holds nothing");
    } catch (WrappedException e) {
      return new Found.Unreadable("it cannot be read");
    }
  }
}
