package dev.stowage.runtime.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Byte-pair encoding: starts from a piece's characters and merges the neighbours of the best rank,
 * leftmost first, until none merge. A heap of candidate merges makes it {@code n log n} in the
 * piece's length.
 */
final class BytePairModel {
  private final Map<String, Integer> vocabulary;
  private final MergeTable merges;
  private final OptionalInt unknown;
  private final boolean fuseUnknown;
  private final boolean ignoreMerges;

  /** Ids of single characters of the basic plane; −1 for none. */
  private final int[] characters = new int[0x10000];

  /** Ids of {@code <0x00>} to {@code <0xFF>}; empty where bytes are no way out. */
  private final int[] bytes;

  /**
   * @param unknown stands for characters that have no token
   * @param fuseUnknown whether neighbouring unknown characters become one token
   * @param byteFallback whether unknown characters become {@code <0xNN>} tokens where there are
   * @param ignoreMerges whether a piece that is a token is not merged from its parts
   */
  BytePairModel(
      Map<String, Integer> vocabulary,
      MergeTable merges,
      OptionalInt unknown,
      boolean fuseUnknown,
      boolean byteFallback,
      boolean ignoreMerges) {
    this.vocabulary = Map.copyOf(vocabulary);
    this.merges = merges;
    this.unknown = unknown;
    this.fuseUnknown = fuseUnknown;
    this.ignoreMerges = ignoreMerges;
    Arrays.fill(characters, -1);
    vocabulary.forEach(
        (token, id) -> {
          if (token.length() == 1) {
            characters[token.charAt(0)] = id;
          }
        });
    bytes = byteFallback ? byteTokens(vocabulary) : new int[0];
  }

  private static int[] byteTokens(Map<String, Integer> vocabulary) {
    int[] ids = new int[256];
    for (int b = 0; b < 256; b++) {
      ids[b] = vocabulary.getOrDefault("<0x%02X>".formatted(b), -1);
    }
    return ids;
  }

  Map<String, Integer> vocabulary() {
    return vocabulary;
  }

  /** Adds a piece's ids. */
  void encode(String piece, Ids into) {
    if (ignoreMerges) {
      Integer whole = vocabulary.get(piece);
      if (whole != null) {
        into.add(whole);
        return;
      }
    }
    new Merging(piece).run(into);
  }

  /** The symbols of one piece, as a doubly linked list, and the merges that may come next. */
  private final class Merging {
    private int[] ids;
    private int[] next;
    private int[] previous;
    private int count;

    /** Candidates: the rank in the high half, the left symbol in the low one. */
    private long[] heap;

    private int heapSize;

    Merging(String piece) {
      ids = new int[piece.length()];
      boolean afterUnknown = false;
      for (int i = 0; i < piece.length(); ) {
        int codePoint = piece.codePointAt(i);
        int length = Character.charCount(codePoint);
        int id =
            length == 1
                ? characters[codePoint]
                : vocabulary.getOrDefault(piece.substring(i, i + length), -1);
        boolean isUnknown = id < 0 && !addBytes(piece.substring(i, i + length));
        if (id >= 0) {
          add(id);
        } else if (isUnknown && !(afterUnknown && fuseUnknown)) {
          add(
              unknown.orElseThrow(
                  () ->
                      new IllegalArgumentException(
                          "the tokenizer has no token for U+%04X".formatted(codePoint))));
        }
        afterUnknown = isUnknown;
        i += length;
      }
    }

    private void add(int id) {
      if (count == ids.length) {
        ids = Arrays.copyOf(ids, 2 * count + 4);
      }
      ids[count++] = id;
    }

    private boolean addBytes(String character) {
      if (bytes.length == 0) {
        return false;
      }
      byte[] utf8 = character.getBytes(StandardCharsets.UTF_8);
      for (byte b : utf8) {
        if (bytes[b & 0xff] < 0) {
          return false;
        }
      }
      for (byte b : utf8) {
        add(bytes[b & 0xff]);
      }
      return true;
    }

    void run(Ids into) {
      next = new int[count];
      previous = new int[count];
      heap = new long[count + 2];
      for (int i = 0; i < count; i++) {
        next[i] = i + 1;
        previous[i] = i - 1;
      }
      for (int i = 0; i + 1 < count; i++) {
        offer(i);
      }
      while (heapSize > 0) {
        merge(poll());
      }
      for (int i = 0; i < count; i = next[i]) {
        into.add(ids[i]);
      }
    }

    private void merge(long candidate) {
      int left = (int) candidate;
      int right = ids[left] < 0 ? count : next[left];
      if (right == count) {
        return;
      }
      int rank = merges.rank(ids[left], ids[right]);
      int result = merges.result((int) (candidate >>> 32));
      if (rank == MergeTable.NONE || merges.result(rank) != result) {
        return;
      }
      ids[left] = result;
      ids[right] = -1;
      next[left] = next[right];
      if (next[left] < count) {
        previous[next[left]] = left;
        offer(left);
      }
      if (previous[left] >= 0) {
        offer(previous[left]);
      }
    }

    private void offer(int left) {
      int rank = merges.rank(ids[left], ids[next[left]]);
      if (rank == MergeTable.NONE) {
        return;
      }
      if (heapSize == heap.length) {
        heap = Arrays.copyOf(heap, 2 * heapSize);
      }
      long key = (long) rank << 32 | left;
      int at = heapSize++;
      while (at > 0 && heap[(at - 1) / 2] > key) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
      }
      heap[at] = key;
    }

    private long poll() {
      long best = heap[0];
      long key = heap[--heapSize];
      int at = 0;
      while (true) {
        int child = 2 * at + 1;
        if (child >= heapSize) {
          break;
        }
        if (child + 1 < heapSize && heap[child + 1] < heap[child]) {
          child++;
        }
        if (heap[child] >= key) {
          break;
        }
        heap[at] = heap[child];
        at = child;
      }
      heap[at] = key;
      return best;
    }
  }
}
