package dev.stowage.plan.text;

import dev.stowage.plan.Buffer;
import dev.stowage.plan.Schedule;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

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
    var writeBack = new HashMap<String, Integer>();
    var pageable = EnumSet.noneOf(Buffer.Purpose.class);
    while (in.inBlock("'lane', 'write-back' or 'pageable'")) {
      if (in.passes("pageable")) {
        pageable(pageable);
        continue;
      }
      if (in.passes("write-back")) {
        writeBack(writeBack);
        continue;
      }
      in.keyword("lane");
      var lane = in.name("a device");
      if (lanes.contains(lane)) {
        throw in.fail("a second lane for %s, expected one".formatted(lane));
      }
      lanes.add(lane);
      in.endOfStatement();
    }
    return new Schedule(order, prefetch, lanes, writeBack, pageable);
  }

  private void pageable(Set<Buffer.Purpose> pageable) throws PlanFormatException {
    for (var purpose : Schedule.LOCKABLE) {
      if (in.passes(purpose.word())) {
        if (!pageable.add(purpose)) {
          throw in.fail("a second pageable %s, expected one".formatted(purpose.word()));
        }
        in.endOfStatement();
        return;
      }
    }
    throw in.found("'weights' or 'kv'");
  }

  private void writeBack(Map<String, Integer> writeBack) throws PlanFormatException {
    var device = in.name("a device");
    int tokens = in.integer("a number of tokens");
    if (tokens < 1) {
      throw in.fail("a write-back every %d tokens, expected 1 or more".formatted(tokens));
    }
    if (writeBack.put(device, tokens) != null) {
      throw in.fail("a second write-back for %s, expected one".formatted(device));
    }
    in.endOfStatement();
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
    } else if (in.passes("pipeline")) {
      order = new Schedule.Order.Pipeline();
    } else {
      throw in.found("'zig-zag', 'row-by-row', 'pipeline' or 'word'");
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
