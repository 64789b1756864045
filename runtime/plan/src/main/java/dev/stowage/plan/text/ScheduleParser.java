package dev.stowage.plan.text;

import dev.stowage.plan.Schedule;
import java.util.ArrayList;

/** Reads what {@link SchedulePrinter} prints. */
public final class ScheduleParser {
  private static final int MOST_TURNS = 1 << 22;

  private final TextReader in;

  ScheduleParser(TextReader in) {
    this.in = in;
  }

  /** The schedule of a text that holds nothing else. */
  public static Schedule parse(String text) throws PlanFormatException {
    var in = new TextReader(text);
    var schedule = new ScheduleParser(in).schedule();
    in.endOfText();
    return schedule;
  }

  Schedule schedule() throws PlanFormatException {
    in.statementOf("schedule");
    in.endOfStatement();
    var order = order();
    in.statementOf("prefetch");
    int prefetch = in.integer("a number of stops");
    in.endOfStatement();
    in.valid(() -> new Schedule(order, prefetch, java.util.List.of()));
    var lanes = new ArrayList<String>();
    while (in.inBlock("'lane'")) {
      in.keyword("lane");
      var lane = in.name("a device");
      if (lanes.contains(lane)) {
        throw in.fail("a second lane for %s, expected one".formatted(lane));
      }
      lanes.add(lane);
      in.endOfStatement();
    }
    return new Schedule(order, prefetch, lanes);
  }

  private Schedule.Order order() throws PlanFormatException {
    in.statementOf("order");
    if (in.passes("word")) {
      in.endOfStatement();
      return new Schedule.Order.Word(turns());
    }
    Schedule.Order order;
    if (in.passes("zig-zag")) {
      order = new Schedule.Order.ZigZag();
    } else if (in.passes("row-by-row")) {
      order = new Schedule.Order.RowByRow();
    } else {
      throw in.found("'zig-zag', 'row-by-row' or 'word'");
    }
    in.endOfStatement();
    return order;
  }

  private ArrayList<Integer> turns() throws PlanFormatException {
    var turns = new ArrayList<Integer>();
    while (in.inBlock("'turns'")) {
      in.keyword("turns");
      do {
        turns.add(in.integer("a micro-batch"));
        if (turns.size() > MOST_TURNS) {
          throw in.fail("more than %d turns".formatted(MOST_TURNS));
        }
      } while (in.hasMore());
    }
    return turns;
  }
}
