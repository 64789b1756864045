package dev.stowage.runtime.session;

import java.util.List;

/**
 * What the lanes of a session did, on the clock of this machine: seconds from the first sweep that
 * was recorded.
 *
 * @param lanes every lane that worked, by name
 * @param sweeps in the order of time
 * @param spans single pieces of work, where they were kept
 * @param whole whether all of them could be kept
 */
public record Recording(List<Lane> lanes, List<Sweep> sweeps, List<Span> spans, boolean whole) {
  /**
   * How long a lane worked.
   *
   * @param name as the simulator's: {@code compute(ram)}, {@code read(ssd)}, …
   * @param prefillBusySeconds in sweeps that brought prompt tokens
   * @param decodeBusySeconds in all others
   */
  public record Lane(String name, double prefillBusySeconds, double decodeBusySeconds) {}

  /**
   * One walk of all micro-batches through all stops.
   *
   * @param index of its kind, from 0
   */
  public record Sweep(boolean prefill, int index, double startSeconds, double endSeconds) {}

  /**
   * A piece of work.
   *
   * @param what such as {@code matmul mlp.up}, {@code load mlp.up}, {@code attend kv.inst}
   * @param microBatch -1 for what all of them use
   * @param stop the section and, in a section of layers, the layer
   * @param bytes weights read, or keys and values written; 0 where none are counted
   */
  public record Span(
      String lane,
      String what,
      int microBatch,
      String stop,
      long bytes,
      double startSeconds,
      double endSeconds) {}

  public Recording {
    lanes = List.copyOf(lanes);
    sweeps = List.copyOf(sweeps);
    spans = List.copyOf(spans);
  }
}
