package dev.stowage.plan.verify;

import dev.stowage.plan.Op;
import dev.stowage.plan.Section;
import dev.stowage.plan.Step;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Every layer attends to each of its KV regions once, before it appends to it once, and merges all
 * partial results with the pass's own before it finishes.
 */
final class AttentionOnce implements Invariant {
  /** Stands for the pass's own keys among the regions that a partial result covers. */
  private static final String PASS = "";

  @Override
  public void check(PlanIndex index, Findings findings) {
    for (var section : index.plan.sections()) {
      new Walk(index, findings, section).check();
    }
  }

  private static final class Walk {
    private final PlanIndex index;
    private final Findings findings;
    private final Section section;
    private final Set<String> expected; // regions that some layer of the section has
    private final Set<String> attended = new HashSet<>();
    private final Set<String> appended = new HashSet<>();
    private final Map<String, Set<String>> covers = new HashMap<>(); // partial result to regions
    private int finished;

    Walk(PlanIndex index, Findings findings, Section section) {
      this.index = index;
      this.findings = findings;
      this.section = section;
      expected =
          index.plan.kv().stream()
              .filter(region -> region.layers().overlaps(section.layers()))
              .map(region -> region.name())
              .collect(Collectors.toSet());
    }

    void check() {
      for (var step : section.steps()) {
        switch (step) {
          case Step.Load load -> {}
          case Step.Compute compute -> compute(compute);
          case Step.Attend attend -> attend(attend);
          case Step.Append append -> once(appended, append.region(), "appended to");
          case Step.Copy(var from, var to) -> {
            if (covers.containsKey(from)) {
              covers.put(to, covers.get(from));
            } else {
              covers.remove(to);
            }
          }
        }
      }
      for (var region : expected) {
        if (!attended.contains(region)) {
          problem("region %s is never attended to", region);
        }
        if (!appended.contains(region)) {
          problem("region %s is never appended to", region);
        }
      }
      if (!section.layers().isEmpty() && finished != 1) {
        problem("attention is finished %d times, expected once", finished);
      }
    }

    private void attend(Step.Attend attend) {
      once(attended, attend.region(), "attended to");
      if (appended.contains(attend.region())) {
        problem("region %s is attended to after this pass's keys went there", attend.region());
      }
      covers.put(attend.writes(), Set.of(attend.region()));
    }

    private void once(Set<String> done, String name, String what) {
      var region = index.region(name);
      if (!region.layers().contains(section.layers()) || section.layers().isEmpty()) {
        problem(
            "region %s holds layers %s, the section takes layers %s",
            name, region.layers(), section.layers());
      }
      if (!done.add(name)) {
        problem("region %s is %s twice", name, what);
      }
    }

    private void compute(Step.Compute compute) {
      switch (compute.op()) {
        case Op.AttendPass() -> covers.put(compute.writes(), Set.of(PASS));
        case Op.Merge() -> merge(compute.reads(), compute.writes());
        case Op.Finish() -> finish(compute.writes());
        case Op.Embed(),
            Op.AddPositions(),
            Op.Pick(),
            Op.Normalize(_),
            Op.MatMul(_, _),
            Op.NormalizeHeads(_),
            Op.Rotate(_),
            Op.Activate(),
            Op.Add() ->
            covers.remove(compute.writes());
      }
    }

    private void merge(List<String> reads, String writes) {
      var into = reads.size() == 2 ? covers.get(reads.get(0)) : null;
      var other = reads.size() == 2 ? covers.get(reads.get(1)) : null;
      if (into == null || other == null || !reads.getFirst().equals(writes)) {
        problem("a merge of %s into %s, which are no partial results", reads, writes);
        return;
      }
      var both = new HashSet<>(into);
      for (var region : other) {
        if (!both.add(region)) {
          problem("%s is merged twice", region.equals(PASS) ? "the pass" : "region " + region);
        }
      }
      covers.put(writes, both);
    }

    private void finish(String writes) {
      finished++;
      var whole = new HashSet<>(expected);
      whole.add(PASS);
      var merged = covers.remove(writes);
      if (merged == null) {
        problem("%s is finished, which is no partial result", writes);
      } else if (!merged.equals(whole)) {
        whole.removeAll(merged);
        problem(
            "attention is finished without %s",
            whole.stream()
                .map(region -> region.equals(PASS) ? "the pass's own keys" : "region " + region)
                .sorted()
                .collect(Collectors.joining(", ")));
      }
    }

    private void problem(String message, Object... values) {
      findings.add(PlanIndex.where(section), message, values);
    }
  }
}
