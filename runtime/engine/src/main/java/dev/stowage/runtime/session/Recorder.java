package dev.stowage.runtime.session;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Hears what lanes do, while someone wants to know: a caller of {@link Session#record}, or a flight
 * recording. Otherwise a lane only reads a flag, and nothing is allocated.
 */
final class Recorder {
  /** The most sweeps and pieces of work that are kept. */
  private static final int MOST = 1 << 20;

  private final Map<String, Lane> lanes = new LinkedHashMap<>();
  private final List<Recording.Sweep> sweeps = new ArrayList<>();
  private final List<Span> spans = new ArrayList<>();
  private boolean counting;
  private boolean keeping;
  private boolean whole = true;
  private boolean prefill;
  private long began = -1;
  private int prefills;
  private int decodes;
  private volatile boolean on;

  private record Span(Lane lane, Work work, int microBatch, long bytes, long start, long end) {}

  /**
   * What a lane does again and again.
   *
   * @param layer -1 outside the layers
   */
  record Work(String what, String stop, int layer) {}

  /** How many bytes a command moves for a pass. */
  @FunctionalInterface
  interface Bytes {
    Bytes NONE = pass -> 0;

    long of(Pass pass);
  }

  /** A piece of work that has begun and not ended. */
  private static final class Piece {
    private final LaneEvent event = new LaneEvent();
    private long start; // or when one that began before it ended: the rest is told as its own
    private long within; // nanoseconds that are told already
  }

  /** One lane; made when a plan is bound. */
  final class Lane {
    private final String name;
    private final List<Piece> underWay = new ArrayList<>(); // may be several, on different threads
    private long prefillNanos;
    private long decodeNanos;

    private Lane(String name) {
      this.name = name;
    }

    /** A command that is heard of when it runs. */
    Command recorded(Command command, Work work, Bytes bytes) {
      return pass -> {
        if (!on) {
          command.run(pass);
          return;
        }
        var piece = begin();
        command.run(pass);
        end(piece, work, pass.microBatch, bytes.of(pass));
      };
    }

    /** A read of weights that all micro-batches use. */
    Reading reading(Work work, long bytes, int requests) {
      return new Reading(this, work, bytes, requests);
    }

    private Piece begin() {
      var piece = new Piece();
      piece.event.begin();
      begun(this, piece);
      return piece;
    }

    private void end(Piece piece, Work work, int microBatch, long bytes) {
      var event = piece.event;
      event.end();
      if (event.shouldCommit()) {
        event.lane = name;
        event.work = work.what();
        event.stop = work.stop();
        event.layer = work.layer();
        event.microBatch = microBatch;
        event.bytes = bytes;
        event.commit();
      }
      ended(this, piece, work, microBatch, bytes);
    }
  }

  /** One read of several requests, which may run side by side, on different threads. */
  final class Reading {
    private final Lane lane;
    private final Work work;
    private final long bytes;
    private final int requests;
    private int done;
    private Piece piece; // null while nobody wants to know

    private Reading(Lane lane, Work work, long bytes, int requests) {
      this.lane = lane;
      this.work = work;
      this.bytes = bytes;
      this.requests = requests;
    }

    /** A request begins. */
    synchronized void begin() {
      if (on && done == 0 && piece == null) {
        piece = lane.begin();
      }
    }

    /** A request has ended. */
    synchronized void end() {
      if (++done == requests) {
        done = 0;
        if (piece != null) {
          lane.end(piece, work, -1, bytes);
          piece = null;
        }
      }
    }
  }

  Lane lane(String name) {
    return lanes.computeIfAbsent(name, Lane::new);
  }

  /** From now on all lanes are timed, and single pieces of work are kept if wanted. */
  synchronized void start(boolean keep) {
    long now = System.nanoTime();
    for (var lane : lanes.values()) {
      lane.underWay.forEach(piece -> restart(piece, now));
    }
    counting = true;
    keeping = keep;
    on = true;
  }

  /** A sweep begins. */
  void sweep(boolean isPrefill) {
    boolean wanted = counting || LaneEvent.wanted();
    if (wanted) {
      synchronized (this) {
        prefill = isPrefill;
      }
    }
    if (on != wanted) {
      on = wanted;
    }
  }

  /** A sweep has ended. */
  void swept(long start, long end) {
    if (!counting) {
      return;
    }
    synchronized (this) {
      began = began < 0 ? start : began;
      int index = prefill ? prefills++ : decodes++;
      if (keeping && sweeps.size() < MOST) {
        sweeps.add(new Recording.Sweep(prefill, index, seconds(start), seconds(end)));
      }
    }
  }

  private synchronized void begun(Lane lane, Piece piece) {
    restart(piece, System.nanoTime());
    lane.underWay.add(piece);
  }

  private static void restart(Piece piece, long now) {
    piece.start = now;
    piece.within = 0;
  }

  /**
   * Counts the time of work side by side once. What is still under way when a piece ends has it
   * within its own time, or, if it began later, begins now.
   */
  private synchronized void ended(Lane lane, Piece piece, Work work, int microBatch, long bytes) {
    long now = System.nanoTime();
    long nanos = now - piece.start - piece.within;
    lane.underWay.remove(piece);
    for (var other : lane.underWay) {
      if (other.start - piece.start >= 0) {
        restart(other, now);
      } else {
        other.within += nanos;
      }
    }
    if (!counting) {
      return;
    }
    if (prefill) {
      lane.prefillNanos += nanos;
    } else {
      lane.decodeNanos += nanos;
    }
    if (keeping && spans.size() < MOST) {
      spans.add(new Span(lane, work, microBatch, bytes, piece.start, now));
    } else {
      whole &= !keeping;
    }
  }

  synchronized Recording recording() {
    return new Recording(
        lanes.values().stream()
            .filter(lane -> lane.prefillNanos + lane.decodeNanos > 0)
            .map(
                lane ->
                    new Recording.Lane(
                        lane.name, lane.prefillNanos * 1e-9, lane.decodeNanos * 1e-9))
            .sorted(Comparator.comparing(Recording.Lane::name))
            .toList(),
        sweeps,
        spans.stream().map(this::told).toList(),
        whole);
  }

  private Recording.Span told(Span span) {
    return new Recording.Span(
        span.lane().name,
        span.work().what(),
        span.microBatch(),
        span.work().stop(),
        span.bytes(),
        seconds(span.start()),
        seconds(span.end()));
  }

  private double seconds(long nanos) {
    return (nanos - began) * 1e-9;
  }
}
