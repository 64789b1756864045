package dev.stowage.plan.text;

import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Schedule;
import java.util.Objects;

/** What one machine compiles and another executes: what runs, and how. */
public record StowPlan(ExecutablePlan plan, Schedule schedule) {
  public StowPlan {
    Objects.requireNonNull(plan);
    Objects.requireNonNull(schedule);
  }
}
