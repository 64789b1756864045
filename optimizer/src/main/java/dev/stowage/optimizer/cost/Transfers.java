package dev.stowage.optimizer.cost;

import dev.stowage.optimizer.Phase;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.Rate;

/**
 * What moving bytes between two devices keeps busy. Everything passes through the host's memory,
 * but for a CSD with a link of its own to the gpu, and gpus with links between them.
 *
 * <pre>
 * from a disk or CSD   read(d)   bytes / READ  + transfers · LATENCY, of a CSD's answers without LATENCY
 * to a disk or CSD     write(d)  bytes / WRITE + transfers · LATENCY
 *                      by curves, where measured: bytes / READ(bytes of a transfer), or READ_CACHED
 * between gpu and host link(a->b) bytes / rate + transfers · latency
 * every memory passed  bandwidth(d) bytes / MEMORY_BANDWIDTH
 * </pre>
 *
 * A gpu copies page-locked host memory as it lies. Pageable memory is copied to page-locked buffers
 * first, which passes the host's memory twice more, and the link waits for that: {@link
 * #PAGEABLE_LINK}.
 */
public final class Transfers {
  /**
   * The part of a link's rate that copies of pageable memory reach. Assumed: measured were 0.40 on
   * a laptop and 0.87 on a desktop of 2012 (M. Harris, How to Optimize Data Transfers in CUDA
   * C/C++, NVIDIA, 2012).
   */
  public static final double PAGEABLE_LINK = 0.5;

  /** How often copying pageable memory passes the host's memory more: read once, written once. */
  public static final double PAGEABLE_PASSES = 2;

  private final Resources resources;
  private final BusyTable table;
  private final BusyTable.Kind kind;
  private final boolean pageable;
  private final boolean cached;

  /**
   * @param kind what the transfers are for
   */
  Transfers(BusyTable table, BusyTable.Kind kind) {
    this(table, kind, false, false);
  }

  /**
   * @param pageable whether the host's memory is not page-locked
   * @param cached whether a disk is read and written through the page cache
   */
  Transfers(BusyTable table, BusyTable.Kind kind, boolean pageable, boolean cached) {
    this.resources = table.resources();
    this.table = table;
    this.kind = kind;
    this.pageable = pageable;
    this.cached = cached;
  }

  /** Adds what moving the bytes takes; within a device, only its memory works. */
  void move(Phase phase, String from, String to, double bytes, double transfers) {
    if (from.equals(to)) {
      passMemory(phase, from, bytes);
      return;
    }
    var source = resources.device(from);
    var target = resources.device(to);
    String host = resources.problem().host().name();
    boolean direct = resources.link(from, to) != null;
    switch (source.spec().kind()) {
      case DISK, CSD -> {
        storage(phase, source.read(), source.spec(), Rate.READ, bytes, transfers);
        if (direct) {
          link(phase, from, to, bytes, transfers);
        } else {
          move(phase, host, to, bytes, transfers);
        }
      }
      case GPU, HOST -> {
        switch (target.spec().kind()) {
          case DISK, CSD -> {
            if (direct) {
              link(phase, from, to, bytes, transfers);
            } else {
              move(phase, from, host, bytes, transfers);
            }
            storage(phase, target.write(), target.spec(), Rate.WRITE, bytes, transfers);
          }
          case GPU, HOST -> {
            if (!direct && !from.equals(host) && !to.equals(host)) {
              move(phase, from, host, bytes, transfers);
              move(phase, host, to, bytes, transfers);
              return;
            }
            passMemory(phase, from, bytes);
            if (pageable) {
              String memory = source.spec().kind() == DeviceKind.HOST ? from : to;
              passMemory(phase, memory, PAGEABLE_PASSES * bytes);
              link(phase, from, to, bytes / PAGEABLE_LINK, transfers);
            } else {
              link(phase, from, to, bytes, transfers);
            }
            passMemory(phase, to, bytes);
          }
        }
      }
    }
  }

  /**
   * Adds what moving partial results takes: those that a drive answers a command with have come
   * with the latency of the command.
   */
  void answer(Phase phase, String from, String to, double bytes, double transfers) {
    var drive = resources.device(from);
    if (drive.spec().kind() != DeviceKind.CSD) {
      move(phase, from, to, bytes, transfers);
      return;
    }
    storage(phase, drive.read(), drive.spec(), Rate.READ, bytes, 0);
    if (resources.link(from, to) != null) {
      link(phase, from, to, bytes, transfers);
    } else {
      move(phase, resources.problem().host().name(), to, bytes, transfers);
    }
  }

  private void storage(
      Phase phase, int resource, DeviceSpec spec, Rate rate, double bytes, double transfers) {
    add(phase, resource, Speeds.storageSeconds(spec, rate, bytes, transfers, cached));
  }

  private void link(Phase phase, String from, String to, double bytes, double transfers) {
    var link = resources.link(from, to);
    if (link == null) {
      throw new IllegalArgumentException("no link from " + from + " to " + to);
    }
    add(
        phase,
        link.number(),
        bytes / link.spec().bytesPerSecond() + transfers * link.spec().latencySeconds());
  }

  private void passMemory(Phase phase, String name, double bytes) {
    var device = resources.device(name);
    var kind = device.spec().kind();
    if (kind == DeviceKind.HOST || kind == DeviceKind.GPU) {
      add(phase, device.bandwidth(), bytes / device.spec().rate(Rate.MEMORY_BANDWIDTH));
    }
  }

  private void add(Phase phase, int resource, double seconds) {
    table.add(phase, kind, resource, seconds);
  }
}
