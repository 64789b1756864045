package dev.stowage.optimizer.cost;

import dev.stowage.optimizer.Phase;
import dev.stowage.optimizer.Problem;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.Rate;

/**
 * What moving bytes between two devices keeps busy. Everything passes through the host's memory,
 * but for a CSD with a link of its own to the gpu.
 *
 * <pre>
 * from a disk or CSD   read(d)   bytes / READ  + transfers · LATENCY
 * to a disk or CSD     write(d)  bytes / WRITE + transfers · LATENCY
 * between gpu and host link(a->b) bytes / rate + transfers · latency
 * every memory passed  bandwidth(d) bytes / MEMORY_BANDWIDTH
 * </pre>
 */
final class Transfers {
  private final Problem problem;
  private final BusyTable table;
  private final BusyTable.Kind kind;

  /**
   * @param kind what the transfers are for
   */
  Transfers(Problem problem, BusyTable table, BusyTable.Kind kind) {
    this.problem = problem;
    this.table = table;
    this.kind = kind;
  }

  /** Adds what moving the bytes takes; within a device, only its memory works. */
  void move(Phase phase, String from, String to, double bytes, double transfers) {
    if (from.equals(to)) {
      passMemory(phase, from, bytes);
      return;
    }
    var source = problem.machine().device(from);
    var target = problem.machine().device(to);
    boolean direct = problem.machine().link(from, to).isPresent();
    switch (source.kind()) {
      case DISK, CSD -> {
        storage(phase, "read", from, Rate.READ, bytes, transfers);
        if (direct) {
          link(phase, from, to, bytes, transfers);
        } else {
          move(phase, problem.host().name(), to, bytes, transfers);
        }
      }
      case GPU, HOST -> {
        switch (target.kind()) {
          case DISK, CSD -> {
            if (direct) {
              link(phase, from, to, bytes, transfers);
            } else {
              move(phase, from, problem.host().name(), bytes, transfers);
            }
            storage(phase, "write", to, Rate.WRITE, bytes, transfers);
          }
          case GPU, HOST -> {
            passMemory(phase, from, bytes);
            link(phase, from, to, bytes, transfers);
            passMemory(phase, to, bytes);
          }
        }
      }
    }
  }

  private void storage(
      Phase phase, String verb, String device, Rate rate, double bytes, double transfers) {
    var spec = problem.machine().device(device);
    add(
        phase,
        verb + "(" + device + ")",
        bytes / spec.rate(rate) + transfers * spec.rate(Rate.LATENCY));
  }

  private void link(Phase phase, String from, String to, double bytes, double transfers) {
    var link =
        problem
            .machine()
            .link(from, to)
            .orElseThrow(() -> new IllegalArgumentException("no link from " + from + " to " + to));
    add(
        phase,
        "link(" + from + "->" + to + ")",
        bytes / link.bytesPerSecond() + transfers * link.latencySeconds());
  }

  private void passMemory(Phase phase, String device, double bytes) {
    var spec = problem.machine().device(device);
    if (spec.kind() == DeviceKind.HOST || spec.kind() == DeviceKind.GPU) {
      add(phase, "bandwidth(" + device + ")", bytes / spec.rate(Rate.MEMORY_BANDWIDTH));
    }
  }

  private void add(Phase phase, String resource, double seconds) {
    table.add(phase, kind, resource, seconds);
  }
}
