package dev.stowage.runtime.session;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.EventType;
import jdk.jfr.FlightRecorder;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A piece of work on a lane, for Java Flight Recorder. */
@Name("dev.stowage.Lane")
@Label("Lane")
@Category("Stowage")
@Description("A piece of work on one of the lanes that execute a plan")
@StackTrace(false)
final class LaneEvent extends Event {
  @Label("Lane")
  String lane;

  @Label("Work")
  String work;

  @Label("Stop")
  @Description("The section and, in a section of layers, the layer")
  String stop;

  @Label("Layer")
  @Description("-1 outside the layers")
  int layer;

  @Label("Micro-batch")
  @Description("-1 for what all of them use")
  int microBatch;

  @Label("Bytes")
  @Description("Bytes of weights read, or of keys and values written; 0 where none are counted")
  @DataAmount
  long bytes;

  /** Whether a recording wants these events; where there was never one, nothing is loaded. */
  static boolean wanted() {
    return FlightRecorder.isInitialized() && Type.EVENT.isEnabled();
  }

  /** Apart, so that asking for the type does not wake the recorder. */
  private static final class Type {
    static final EventType EVENT = EventType.getEventType(LaneEvent.class);
  }
}
