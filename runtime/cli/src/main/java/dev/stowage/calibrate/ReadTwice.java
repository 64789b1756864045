package dev.stowage.calibrate;

import dev.stowage.plan.Footprint;
import dev.stowage.plan.text.Amount;
import dev.stowage.runtime.parallel.WorkerPool;
import dev.stowage.runtime.storage.Request;
import dev.stowage.runtime.storage.StoredFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.FileStore;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The beginning of a model's file, read past the page cache and at once again. Every step reads the
 * same weights, so the rates that plans take are those of reading again; a file that nobody has
 * read for long can be slower, for what lies below the system may have a cache of its own, as
 * virtual disks do.
 *
 * @param bytes that were read
 * @param firstRate bytes a second of reading them for the first time here
 * @param againRate the same of the second time
 */
record ReadTwice(Path file, long bytes, double firstRate, double againRate) {
  /** Models lie in folders of their own. */
  private static final int DEPTH = 2;

  private static final long LEAST_BYTES = 16L << 20;
  private static final Set<String> ENDINGS = Set.of(".safetensors", ".gguf", ".stowrows");

  /**
   * Reads the largest model's file that lies in a folder or in one of its folders, on its disk.
   *
   * @param most bytes
   * @param ring memory to read to
   * @return empty where there is none of 16 MiB, or it cannot be read past the page cache
   */
  static Optional<ReadTwice> largestIn(Path folder, long most, MemorySegment ring, WorkerPool lanes)
      throws IOException {
    var largest = new Largest(Files.getFileStore(folder));
    Files.walkFileTree(folder, Set.of(FileVisitOption.FOLLOW_LINKS), DEPTH, largest);
    if (largest.bytes < LEAST_BYTES) {
      return Optional.empty();
    }
    try (var stored = StoredFile.open(largest.file)) {
      if (!stored.isDirect()) {
        return Optional.empty();
      }
      long bytes = Math.min(most, largest.bytes);
      var requests = requests(stored, bytes, ring);
      double first = bytes / seconds(requests, lanes);
      return Optional.of(
          new ReadTwice(largest.file, bytes, first, bytes / seconds(requests, lanes)));
    }
  }

  private static List<Request> requests(StoredFile file, long bytes, MemorySegment ring) {
    var requests = new ArrayList<Request>();
    long slots = ring.byteSize() / StoredFile.REQUEST_BYTES;
    for (long at = 0; at < bytes; at += StoredFile.REQUEST_BYTES) {
      long length = Math.min(StoredFile.REQUEST_BYTES, bytes - at);
      long slot = at / StoredFile.REQUEST_BYTES % slots * StoredFile.REQUEST_BYTES;
      var room = ring.asSlice(slot, Footprint.wholePages(length));
      requests.addAll(file.chunks("weights", at, length, room));
    }
    return requests;
  }

  private static double seconds(List<Request> requests, WorkerPool lanes) {
    long start = System.nanoTime();
    lanes.run(
        (worker, from, to) -> requests.subList(from, to).forEach(Request::read),
        requests.size(),
        1);
    return (System.nanoTime() - start) * 1e-9;
  }

  /** For people. */
  String note() {
    return Amount.format(
        "Rates of reading are those of reading again, as every step does: %s of %s came at %.2f GB/s first, at %.2f GB/s again.",
        Amount.bytes(bytes), file.getFileName(), firstRate / 1e9, againRate / 1e9);
  }

  /** The largest file of weights; what cannot be looked at is passed by. */
  private static final class Largest extends SimpleFileVisitor<Path> {
    private final FileStore disk;
    private Path file;
    private long bytes;

    Largest(FileStore disk) {
      this.disk = disk;
    }

    @Override
    public FileVisitResult visitFile(Path visited, BasicFileAttributes attributes)
        throws IOException {
      String name = visited.getFileName().toString();
      if (attributes.isRegularFile()
          && attributes.size() > bytes
          && ENDINGS.stream().anyMatch(name::endsWith)
          && Files.isReadable(visited)
          && Files.getFileStore(visited).equals(disk)) {
        file = visited;
        bytes = attributes.size();
      }
      return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult visitFileFailed(Path visited, IOException e) {
      return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult postVisitDirectory(Path visited, IOException e) {
      return FileVisitResult.CONTINUE;
    }
  }
}
