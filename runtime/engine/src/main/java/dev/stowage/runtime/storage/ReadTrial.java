package dev.stowage.runtime.storage;

import dev.stowage.runtime.parallel.Background;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;

/**
 * Which way whole pages are read faster on this disk, to the memory that is used then: past the
 * page cache, or through it with what was read dropped behind the reader. Neither is the faster one
 * by nature: the cache reads far ahead in large requests, and costs a copy of every byte, which the
 * compute lane would like to have the time for.
 *
 * @param direct whether pages are read past the cache from now on
 * @param directBytesPerSecond what reading past the cache brought in the trial
 * @param bufferedBytesPerSecond what reading through the cache brought
 */
public record ReadTrial(
    boolean direct, double directBytesPerSecond, double bufferedBytesPerSecond) {
  /** So much faster reading through the cache has to be, to be worth its copies. */
  private static final double WORTH_COPYING = 1.2;

  /** Where reading past the cache is so much faster at first, the rest of the trial is not read. */
  private static final double PLAIN = 2;

  /** Either way gets two of these, so that a disk that slows down or speeds up favours none. */
  private static final boolean[] DIRECT = {true, false, false, true};

  /** Before them comes half of such a part, which only touches memory and code. */
  private static final int TOUCHING = 2;

  /**
   * Reads some chunks either way, and has all their files read the faster way from then on.
   *
   * @param chunks with other data each; they may share memory
   * @param bytes of each of the four parts that are timed, about; fewer where there are fewer
   * @return empty where there is but one way: not all the files can be read either way; or where
   *     there are too few chunks
   */
  public static Optional<ReadTrial> run(List<Chunk> chunks, long bytes, int threads) {
    var files = new LinkedHashSet<StoredFile>();
    chunks.forEach(chunk -> files.add(chunk.file()));
    for (var file : files) {
      if (!file.isDirect() || !file.readThroughCache(true)) {
        files.forEach(each -> each.readThroughCache(false));
        return Optional.empty();
      }
    }
    var seconds = new double[2];
    var read = new long[2];
    files.forEach(file -> file.readThroughCache(false));
    var parts = parts(chunks, bytes);
    read(parts.getFirst(), threads);
    for (int i = 1; i < parts.size() && !plain(read, seconds); i++) {
      boolean way = DIRECT[i - 1];
      files.forEach(file -> file.readThroughCache(!way));
      long start = System.nanoTime();
      read(parts.get(i), threads);
      seconds[way ? 1 : 0] += (System.nanoTime() - start) * 1e-9;
      read[way ? 1 : 0] += parts.get(i).stream().mapToLong(Chunk::bytes).sum();
    }
    if (read[0] == 0 || read[1] == 0) {
      files.forEach(each -> each.readThroughCache(false));
      return Optional.empty();
    }
    double direct = read[1] / seconds[1];
    double buffered = read[0] / seconds[0];
    var trial = new ReadTrial(direct * WORTH_COPYING >= buffered, direct, buffered);
    files.forEach(file -> file.readThroughCache(!trial.direct));
    return Optional.of(trial);
  }

  /** Whether reading past the cache is the faster way whatever other parts would bring. */
  static boolean plain(long[] read, double[] seconds) {
    return read[0] > 0 && read[1] * seconds[0] > PLAIN * read[0] * seconds[1];
  }

  /** The first chunks, some for each part. */
  private static List<List<Chunk>> parts(List<Chunk> chunks, long bytes) {
    var parts = new ArrayList<List<Chunk>>();
    int next = 0;
    for (int i = 0; i <= DIRECT.length; i++) {
      var part = new ArrayList<Chunk>();
      long most = i == 0 ? bytes / TOUCHING : bytes;
      for (long sum = 0; next < chunks.size() && sum < most; next++) {
        chunks.get(next).forgetCached();
        part.add(chunks.get(next));
        sum += chunks.get(next).bytes();
      }
      parts.add(part);
    }
    return parts;
  }

  private static void read(List<Chunk> chunks, int threads) {
    try (var reading =
        Background.start(
            "stowage-trial", threads, chunks.size(), (thread, at) -> chunks.get(at).read())) {
      reading.await();
    }
  }
}
