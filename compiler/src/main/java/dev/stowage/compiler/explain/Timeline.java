package dev.stowage.compiler.explain;

import java.util.List;
import java.util.Objects;

/**
 * One steady-state step, lane by lane.
 *
 * @param title such as {@code one decode step}
 * @param note what kind of times these are
 * @param seconds the step's length
 * @param lanes every resource that works
 */
public record Timeline(String title, String note, double seconds, List<Lane> lanes) {
  public Timeline {
    Objects.requireNonNull(title);
    Objects.requireNonNull(note);
    lanes = List.copyOf(lanes);
  }

  /**
   * A resource.
   *
   * @param bottleneck whether the step lasts as long as it does because of it
   */
  public record Lane(
      String name, double busySeconds, boolean bottleneck, List<Interval> intervals) {
    public Lane {
      intervals = List.copyOf(intervals);
    }
  }

  /**
   * Some time, in seconds from the step's beginning.
   *
   * @param what a piece of work; empty for a stretch of many
   * @param load the part of it in which the resource works: 1 for a piece of work
   */
  public record Interval(String what, double fromSeconds, double toSeconds, double load) {}
}
