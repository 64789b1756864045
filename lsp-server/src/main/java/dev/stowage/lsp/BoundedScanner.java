package dev.stowage.lsp;

import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.EnumSet;
import java.util.Set;
import org.apache.log4j.Logger;
import org.eclipse.emf.common.util.URI;
import org.eclipse.xtext.util.IAcceptor;
import org.eclipse.xtext.util.IFileSystemScanner;

/**
 * Finds the plans of a workspace without reading a whole disk when somebody opens their home
 * folder: not in hidden folders, nor in those that builds fill, and not deeper or more than is of
 * use.
 */
public class BoundedScanner implements IFileSystemScanner {
  private static final Logger LOG = Logger.getLogger(BoundedScanner.class);
  private static final Set<String> SKIPPED = Set.of("target", "build", "out", "node_modules");
  private static final int MAX_DEPTH = 12;
  private static final int MAX_ENTRIES = 20_000;

  @Override
  public void scan(URI root, IAcceptor<URI> acceptor) {
    if (!root.isFile()) {
      return;
    }
    Path folder = Path.of(root.toFileString());
    var found = new Visitor(root, folder, acceptor);
    try {
      Files.walkFileTree(folder, EnumSet.noneOf(FileVisitOption.class), MAX_DEPTH, found);
    } catch (IOException e) {
      LOG.warn("cannot look for plans in " + folder, e);
    }
  }

  private static final class Visitor extends SimpleFileVisitor<Path> {
    private final URI root;
    private final Path folder;
    private final IAcceptor<URI> acceptor;
    private int entries;

    Visitor(URI root, Path folder, IAcceptor<URI> acceptor) {
      this.root = root;
      this.folder = folder;
      this.acceptor = acceptor;
    }

    @Override
    public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
      String name = directory.getFileName() == null ? "" : directory.getFileName().toString();
      boolean skipped = SKIPPED.contains(name) || name.startsWith(".");
      return skipped && !directory.equals(folder)
          ? FileVisitResult.SKIP_SUBTREE
          : FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
      if (attributes.isRegularFile() && file.toString().endsWith(".stow")) {
        URI base = root.hasTrailingPathSeparator() ? root : root.appendSegment("");
        Path relative = folder.relativize(file);
        URI uri = base.trimSegments(1);
        for (Path segment : relative) {
          uri = uri.appendSegment(URI.encodeSegment(segment.toString(), true));
        }
        acceptor.accept(uri);
      }
      return ++entries < MAX_ENTRIES ? FileVisitResult.CONTINUE : FileVisitResult.TERMINATE;
    }

    @Override
    public FileVisitResult visitFileFailed(Path file, IOException e) {
      return FileVisitResult.CONTINUE;
    }
  }
}
