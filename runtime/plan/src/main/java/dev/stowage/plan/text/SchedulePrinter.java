package dev.stowage.plan.text;

import static dev.stowage.plan.text.TextWriter.name;

import dev.stowage.plan.Schedule;
import java.util.List;
import java.util.stream.Collectors;

/** Prints a schedule, so that {@link ScheduleParser} yields an equal one. */
public final class SchedulePrinter {
  private static final int TURNS_A_LINE = 32;

  private SchedulePrinter() {}

  /** The schedule's text; every line ends with a line feed. */
  public static String print(Schedule schedule) {
    var out = new TextWriter();
    out.open("schedule");
    switch (schedule.order()) {
      case Schedule.Order.ZigZag() -> out.line("order", "zig-zag");
      case Schedule.Order.RowByRow() -> out.line("order", "row-by-row");
      case Schedule.Order.Pipeline() -> out.line("order", "pipeline");
      case Schedule.Order.Word(var microBatches) -> {
        out.open("order", "word");
        for (int i = 0; i < microBatches.size(); i += TURNS_A_LINE) {
          out.line(
              "turns",
              join(microBatches.subList(i, Math.min(i + TURNS_A_LINE, microBatches.size()))));
        }
        out.end();
      }
    }
    out.line("prefetch", schedule.prefetch());
    for (var lane : schedule.lanes()) {
      out.line("lane", name(lane));
    }
    schedule.writeBack().forEach((device, tokens) -> out.line("write-back", name(device), tokens));
    schedule.pageable().forEach(purpose -> out.line("pageable", purpose.word()));
    out.end();
    return out.text();
  }

  private static String join(List<Integer> turns) {
    return turns.stream().map(String::valueOf).collect(Collectors.joining(" "));
  }
}
