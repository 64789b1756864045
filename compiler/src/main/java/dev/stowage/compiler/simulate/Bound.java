package dev.stowage.compiler.simulate;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Op;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.Step;
import java.util.List;
import java.util.Locale;
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
      case Step.Load load -> new Bound(step, "load " + load.weight().word(), new int[0], -1, false);
      case Step.Compute(var op, _, var reads, var writes) ->
          new Bound(step, label(op), numbers(reads, buffers), buffers.get(writes), false);
      case Step.Attend(var region, var queries, var writes) ->
          new Bound(
              step,
              "attend " + region,
              numbers(List.of(queries), buffers),
              buffers.get(writes),
              beside(plan, schedule, compute, plan.kvRegion(region)));
      case Step.Append(var region, var keys, var values) ->
          new Bound(
              step,
              "append " + region,
              numbers(List.of(keys, values), buffers),
              -1,
              beside(plan, schedule, compute, plan.kvRegion(region)));
      case Step.Copy(var from, var to) ->
          new Bound(
              step,
              "copy " + from,
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

  private static boolean onGpu(ExecutablePlan plan, String compute) {
    return plan.machine().device(compute).kind() == DeviceKind.GPU;
  }

  private static int[] numbers(List<String> names, Map<String, Integer> buffers) {
    return names.stream().mapToInt(buffers::get).toArray();
  }

  private static String label(Op op) {
    return switch (op) {
      case Op.MatMul(var weight, _) -> "matmul " + weight.word();
      case Op.Normalize(var norm) -> "normalize " + norm.word();
      default -> op.getClass().getSimpleName().toLowerCase(Locale.ROOT);
    };
  }
}
