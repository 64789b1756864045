package dev.stowage.compiler.simulate;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.Step;
import java.util.List;
import java.util.Map;

/**
 * A step whose operands are numbers, so that a block of a million steps takes no time to walk.
 *
 * @param reads numbers of buffers
 * @param writes the number of a buffer, or -1
 * @param beside whether it runs beside the compute lane
 */
record Bound(Step step, String label, int[] reads, int writes, boolean beside) {
  static Bound of(
      Step step,
      ExecutablePlan plan,
      Schedule schedule,
      String compute,
      Map<String, Integer> buffers) {
    return switch (step) {
      case Step.Load _ -> new Bound(step, step.label(), new int[0], -1, false);
      case Step.Compute(_, _, var reads, var writes) ->
          new Bound(step, step.label(), numbers(reads, buffers), buffers.get(writes), false);
      case Step.Attend(var region, var queries, var writes) ->
          new Bound(
              step,
              step.label(),
              numbers(List.of(queries), buffers),
              buffers.get(writes),
              beside(plan, schedule, compute, plan.kvRegion(region)));
      case Step.Append(var region, var keys, var values) ->
          new Bound(
              step,
              step.label(),
              numbers(List.of(keys, values), buffers),
              -1,
              beside(plan, schedule, compute, plan.kvRegion(region)));
      case Step.Copy(var from, var to) ->
          new Bound(
              step,
              step.label(),
              numbers(List.of(from), buffers),
              buffers.get(to),
              onGpu(plan, compute));
    };
  }

  private static boolean beside(
      ExecutablePlan plan, Schedule schedule, String compute, KvRegion region) {
    return onGpu(plan, compute)
        ? !region.device().equals(compute) || !region.attendAt().equals(compute)
        : schedule.lanes().contains(region.attendAt());
  }

  /** Whether a gpu computes. */
  static boolean onGpu(ExecutablePlan plan, String compute) {
    return plan.machine().device(compute).kind() == DeviceKind.GPU;
  }

  private static int[] numbers(List<String> names, Map<String, Integer> buffers) {
    return names.stream().mapToInt(buffers::get).toArray();
  }
}
