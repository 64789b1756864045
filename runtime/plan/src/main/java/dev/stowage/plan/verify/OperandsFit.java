package dev.stowage.plan.verify;

import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Op;
import dev.stowage.plan.Section;
import dev.stowage.plan.Step;
import dev.stowage.plan.Weight;
import java.util.ArrayList;
import java.util.List;

/**
 * A step has as many operands as its operation takes, they lie where it is computed, they are large
 * enough for the rows of a pass, and what works in place writes what it reads. Gpus and hosts
 * compute.
 */
final class OperandsFit implements Invariant {
  /** What an operation takes and makes. */
  private record Signature(List<Long> reads, long writes, boolean inPlace) {}

  @Override
  public void check(PlanIndex index, Findings findings) {
    for (var section : index.plan.sections()) {
      for (var step : section.steps()) {
        switch (step) {
          case Step.Load load -> {}
          case Step.Compute compute -> compute(index, findings, section, compute);
          case Step.Attend attend -> attend(index, findings, section, attend);
          case Step.Append append -> append(index, findings, section, append);
          case Step.Copy copy -> copy(index, findings, section, copy);
        }
      }
    }
  }

  private static void compute(
      PlanIndex index, Findings findings, Section section, Step.Compute step) {
    var where = PlanIndex.where(section);
    if (!computes(index, step.at())) {
      findings.add(where, "%s is no gpu or host and cannot compute", step.at());
    }
    var signature = signature(index, step.op());
    if (step.reads().size() != signature.reads().size()) {
      findings.add(
          where,
          "%s reads %s, expected %d operands",
          name(step.op()),
          step.reads(),
          signature.reads().size());
      return;
    }
    if (signature.inPlace() && !step.reads().getFirst().equals(step.writes())) {
      findings.add(
          where,
          "%s works in place, but reads %s and writes %s",
          name(step.op()),
          step.reads().getFirst(),
          step.writes());
    }
    for (int i = 0; i < step.reads().size(); i++) {
      operand(index, findings, where, step.reads().get(i), step.at(), signature.reads().get(i));
    }
    operand(index, findings, where, step.writes(), step.at(), signature.writes());
  }

  private static Signature signature(PlanIndex index, Op op) {
    var shape = index.plan.shape();
    var batch = index.plan.batch();
    long rows = batch.rowsPerPass();
    long picked = batch.sequencesPerMicroBatch();
    long hidden = floats(rows, shape.hidden());
    return switch (op) {
      case Op.Embed() -> new Signature(List.of(), floats(rows, shape.embedding()), false);
      case Op.AddPositions() -> inPlace(hidden);
      case Op.Pick() -> new Signature(List.of(hidden), floats(picked, shape.hidden()), false);
      case Op.Normalize(var norm) -> {
        long bytes =
            switch (norm) {
              case ATTENTION, MLP -> hidden;
              case FINAL -> floats(picked, shape.hidden());
            };
        yield new Signature(List.of(bytes), bytes, false);
      }
      case Op.MatMul(var weight, _) -> {
        long n = isHead(weight) ? picked : rows;
        yield new Signature(
            List.of(floats(n, shape.columns(weight))), floats(n, shape.rows(weight)), false);
      }
      case Op.NormalizeHeads(var of) -> inPlace(floats(rows, width(shape, of)));
      case Op.Rotate(var of) -> inPlace(floats(rows, width(shape, of)));
      case Op.AttendPass() ->
          new Signature(
              List.of(
                  floats(rows, shape.queryWidth()),
                  floats(rows, shape.kvWidth()),
                  floats(rows, shape.kvWidth())),
              Footprint.partialBytes(shape, rows),
              false);
      case Op.Merge() -> {
        long partial = Footprint.partialBytes(shape, rows);
        yield new Signature(List.of(partial, partial), partial, true);
      }
      case Op.Finish() -> inPlace(Footprint.partialBytes(shape, rows));
      case Op.Activate() -> {
        long inner = floats(rows, shape.ffn());
        yield shape.family().isOpt()
            ? inPlace(inner)
            : new Signature(List.of(inner, inner), inner, true);
      }
      case Op.Add() -> new Signature(List.of(hidden, hidden), hidden, true);
    };
  }

  private static Signature inPlace(long bytes) {
    return new Signature(List.of(bytes), bytes, true);
  }

  /** Products of the head run over picked rows; a tied head multiplies by the token embedding. */
  private static boolean isHead(Weight weight) {
    return switch (weight) {
      case TOKENS, PROJECT_OUT, HEAD -> true;
      case POSITIONS, PROJECT_IN, Q, K, V, O, GATE, UP, DOWN -> false;
    };
  }

  private static long width(ModelShape shape, Weight of) {
    return of == Weight.Q ? shape.queryWidth() : shape.kvWidth();
  }

  private static void attend(
      PlanIndex index, Findings findings, Section section, Step.Attend step) {
    var where = PlanIndex.where(section);
    var shape = index.plan.shape();
    long rows = index.plan.batch().rowsPerPass();
    var at = index.region(step.region()).attendAt();
    switch (index.device(at).kind()) {
      case DISK -> findings.add(where, "%s is a disk and cannot attend", at);
      case HOST, GPU, CSD -> {
        operand(index, findings, where, step.queries(), at, floats(rows, shape.queryWidth()));
        operand(index, findings, where, step.writes(), at, Footprint.partialBytes(shape, rows));
      }
    }
  }

  private static void append(
      PlanIndex index, Findings findings, Section section, Step.Append step) {
    long bytes = floats(index.plan.batch().rowsPerPass(), index.plan.shape().kvWidth());
    for (var operand : List.of(step.keys(), step.values())) {
      size(index, findings, PlanIndex.where(section), operand, bytes);
    }
  }

  private static void copy(PlanIndex index, Findings findings, Section section, Step.Copy step) {
    var from = index.buffer(step.from());
    var to = index.buffer(step.to());
    if (from.bytes() != to.bytes()) {
      findings.add(
          PlanIndex.where(section),
          "a copy of %s (%d bytes) to %s (%d bytes)",
          from.name(),
          from.bytes(),
          to.name(),
          to.bytes());
    }
  }

  /** A drive takes and gives its operands by commands, from the memory of a gpu or host. */
  private static void operand(
      PlanIndex index, Findings findings, String where, String buffer, String at, long bytes) {
    var device = index.buffer(buffer).device();
    boolean within =
        index.device(at).kind() == DeviceKind.CSD ? computes(index, device) : device.equals(at);
    if (!within) {
      findings.add(where, "%s lies on %s, but is used at %s", buffer, device, at);
    }
    size(index, findings, where, buffer, bytes);
  }

  private static void size(
      PlanIndex index, Findings findings, String where, String buffer, long bytes) {
    if (index.buffer(buffer).bytes() < bytes) {
      findings.add(
          where, "%s has %d bytes, %d are needed", buffer, index.buffer(buffer).bytes(), bytes);
    }
  }

  private static boolean computes(PlanIndex index, String device) {
    return switch (index.device(device).kind()) {
      case GPU, HOST -> true;
      case DISK, CSD -> false;
    };
  }

  private static String name(Op op) {
    var words = new ArrayList<String>();
    for (var word : op.getClass().getSimpleName().split("(?=[A-Z])")) {
      words.add(word.toLowerCase(java.util.Locale.ROOT));
    }
    return String.join("-", words);
  }

  private static long floats(long rows, long columns) {
    return Math.multiplyExact(4L, Math.multiplyExact(rows, columns));
  }
}
