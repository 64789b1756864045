package dev.stowage.compiler.simulate;

import java.util.List;

/**
 * One full block on a virtual clock: all prompts, then all generated tokens.
 *
 * @param prefillSeconds until the last prompt token's logits
 * @param decodeSeconds the rest
 * @param throughputTokensPerSecond generated tokens over the whole time
 * @param lanes every resource that works, by name
 * @param stalls what the compute lane waited for, the longest first
 * @param windows single sweeps, with every piece of work in them
 * @param memory bytes in use over time, by device
 */
public record Timeline(
    double prefillSeconds,
    double decodeSeconds,
    double throughputTokensPerSecond,
    List<Lane> lanes,
    List<Stall> stalls,
    List<Window> windows,
    List<Memory> memory) {
  public Timeline {
    lanes = List.copyOf(lanes);
    stalls = List.copyOf(stalls);
    windows = List.copyOf(windows);
    memory = List.copyOf(memory);
  }

  public double seconds() {
    return prefillSeconds + decodeSeconds;
  }

  /**
   * How long a resource works.
   *
   * @param name as in {@code Prediction.prefillBound}: {@code compute(ram)}, {@code read(ssd)}, …
   */
  public record Lane(String name, double prefillBusySeconds, double decodeBusySeconds) {}

  /**
   * Time in which the compute lane had work and could not start it.
   *
   * @param phase {@code prefill} or {@code decode}
   * @param waitedFor the resource that was last to finish what was waited for
   */
  public record Stall(String phase, String waitedFor, double seconds) {}

  /**
   * One sweep of all micro-batches through all stops.
   *
   * @param name {@code prefill sweep 1 of 4}, {@code decode sweep 16 of 31}
   * @param startSeconds from the beginning of the block
   */
  public record Window(String name, double startSeconds, double endSeconds, List<Span> spans) {
    public Window {
      spans = List.copyOf(spans);
    }
  }

  /**
   * A piece of work on a resource.
   *
   * @param what such as {@code matmul mlp.up}, {@code load}, {@code attend kv.inst}
   * @param stop the section and, in a section of layers, the layer
   */
  public record Span(
      String lane,
      String what,
      int microBatch,
      String stop,
      double startSeconds,
      double endSeconds) {}

  /**
   * Bytes in use on a device: what the plan has set aside, and how much of the KV cache is filled.
   *
   * @param reservedBytes all buffers of the device; constant
   * @param points in the order of time
   */
  public record Memory(String device, long reservedBytes, long usableBytes, List<Point> points) {
    public Memory {
      points = List.copyOf(points);
    }
  }

  /** {@code bytes} are in use from {@code seconds} on. */
  public record Point(double seconds, long bytes) {}
}
