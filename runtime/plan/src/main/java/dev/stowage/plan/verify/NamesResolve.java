package dev.stowage.plan.verify;

import dev.stowage.plan.Buffer;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.Section;
import dev.stowage.plan.Step;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/** Names are unique, and every name that is used is one. */
final class NamesResolve implements Invariant {
  @Override
  public void check(PlanIndex index, Findings findings) {
    var plan = index.plan;
    unique(findings, "buffer", plan.buffers(), Buffer::name);
    unique(findings, "region", plan.kv(), KvRegion::name);
    unique(findings, "section", plan.sections(), Section::name);
    Set<String> unknown = new HashSet<>();
    for (var region : plan.weights()) {
      device(index, findings, region.weight().word(), region.home());
    }
    for (var region : plan.kv()) {
      device(index, findings, "region " + region.name(), region.device());
      device(index, findings, "region " + region.name(), region.attendAt());
    }
    for (var buffer : plan.buffers()) {
      device(index, findings, "buffer " + buffer.name(), buffer.device());
    }
    for (var section : plan.sections()) {
      unknown.clear();
      for (var step : section.steps()) {
        step(index, findings, PlanIndex.where(section), step, unknown);
      }
    }
  }

  private static void step(
      PlanIndex index, Findings findings, String where, Step step, Set<String> unknown) {
    switch (step) {
      case Step.Load load -> {
        device(index, findings, where, load.from());
        buffers(index, findings, where, unknown, List.of(load.ring()));
      }
      case Step.Compute compute -> {
        device(index, findings, where, compute.at());
        buffers(index, findings, where, unknown, compute.reads());
        buffers(index, findings, where, unknown, List.of(compute.writes()));
      }
      case Step.Attend attend -> {
        region(index, findings, where, attend.region());
        buffers(index, findings, where, unknown, List.of(attend.queries(), attend.writes()));
      }
      case Step.Append append -> {
        region(index, findings, where, append.region());
        buffers(index, findings, where, unknown, List.of(append.keys(), append.values()));
      }
      case Step.Copy copy ->
          buffers(index, findings, where, unknown, List.of(copy.from(), copy.to()));
    }
  }

  private static <T> void unique(
      Findings findings, String what, List<T> all, Function<T, String> name) {
    var seen = new HashSet<String>();
    for (var each : all) {
      if (!seen.add(name.apply(each))) {
        findings.add(what + " " + name.apply(each), "there are two of that name");
      }
    }
  }

  private static void device(PlanIndex index, Findings findings, String where, String name) {
    if (!index.hasDevice(name)) {
      findings.add(where, "the machine has no device %s", name);
    }
  }

  private static void region(PlanIndex index, Findings findings, String where, String name) {
    if (!index.hasRegion(name)) {
      findings.add(where, "there is no KV region %s", name);
    }
  }

  private static void buffers(
      PlanIndex index, Findings findings, String where, Set<String> unknown, List<String> names) {
    for (var name : names) {
      if (!index.hasBuffer(name) && unknown.add(name)) {
        findings.add(where, "there is no buffer %s", name);
      }
    }
  }
}
