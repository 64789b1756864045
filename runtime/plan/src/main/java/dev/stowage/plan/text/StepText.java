package dev.stowage.plan.text;

import static dev.stowage.plan.text.TextWriter.name;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.Op;
import dev.stowage.plan.Step;
import dev.stowage.plan.Weight;
import java.util.ArrayList;
import java.util.Locale;
import java.util.stream.Collectors;

/** One step, one line: what it does first, then where, then its operands. */
final class StepText {
  private static final String STEP =
      "a step (load, attend, append, copy, embed, add-positions, pick, normalize, matmul,"
          + " normalize-heads, rotate, attend-pass, merge, finish, activate, add)";

  private StepText() {}

  static String print(Step step) {
    return switch (step) {
      case Step.Load(var weight, var rows, var type, var from, var ring) ->
          "load %s rows %s as %s from %s into %s"
              .formatted(weight.word(), rows, type.word(), name(from), name(ring));
      case Step.Attend(var region, var queries, var writes) ->
          "attend %s queries %s writes %s".formatted(name(region), name(queries), name(writes));
      case Step.Append(var region, var keys, var values) ->
          "append %s keys %s values %s".formatted(name(region), name(keys), name(values));
      case Step.Copy(var from, var to) -> "copy %s to %s".formatted(name(from), name(to));
      case Step.Compute(var op, var at, var reads, var writes) ->
          "%s at %s%s writes %s"
              .formatted(
                  print(op),
                  name(at),
                  reads.isEmpty()
                      ? ""
                      : reads.stream()
                          .map(TextWriter::name)
                          .collect(Collectors.joining(" ", " reads ", "")),
                  name(writes));
    };
  }

  private static String print(Op op) {
    return switch (op) {
      case Op.Embed() -> "embed";
      case Op.AddPositions() -> "add-positions";
      case Op.Pick() -> "pick";
      case Op.Normalize(var norm) -> "normalize " + norm.word();
      case Op.MatMul(var weight, var rows) -> "matmul " + weight.word() + " rows " + rows;
      case Op.NormalizeHeads(var of) -> "normalize-heads " + of.word();
      case Op.Rotate(var of) -> "rotate " + of.word();
      case Op.AttendPass() -> "attend-pass";
      case Op.Merge() -> "merge";
      case Op.Finish() -> "finish";
      case Op.Activate() -> "activate";
      case Op.Add() -> "add";
    };
  }

  /** The step of the statement at hand. */
  static Step parse(TextReader in) throws PlanFormatException {
    return switch (in.word(STEP)) {
      case "load" -> load(in);
      case "attend" -> attend(in);
      case "append" -> append(in);
      case "copy" -> {
        var from = in.name("a buffer");
        in.keyword("to");
        yield new Step.Copy(from, in.name("a buffer"));
      }
      case "embed" -> compute(in, new Op.Embed());
      case "add-positions" -> compute(in, new Op.AddPositions());
      case "pick" -> compute(in, new Op.Pick());
      case "normalize" -> compute(in, new Op.Normalize(norm(in)));
      case "matmul" -> {
        var weight = weight(in);
        in.keyword("rows");
        var rows = in.range("rows");
        yield compute(in, in.valid(() -> new Op.MatMul(weight, rows)));
      }
      case "normalize-heads" -> {
        var of = weight(in);
        yield compute(in, in.valid(() -> new Op.NormalizeHeads(of)));
      }
      case "rotate" -> {
        var of = weight(in);
        yield compute(in, in.valid(() -> new Op.Rotate(of)));
      }
      case "attend-pass" -> compute(in, new Op.AttendPass());
      case "merge" -> compute(in, new Op.Merge());
      case "finish" -> compute(in, new Op.Finish());
      case "activate" -> compute(in, new Op.Activate());
      case "add" -> compute(in, new Op.Add());
      default -> throw in.foundBefore(STEP);
    };
  }

  private static Step load(TextReader in) throws PlanFormatException {
    var weight = weight(in);
    in.keyword("rows");
    var rows = in.range("rows");
    in.keyword("as");
    var type = elementType(in);
    in.keyword("from");
    var from = in.name("a device");
    in.keyword("into");
    return new Step.Load(weight, rows, type, from, in.name("a ring"));
  }

  private static Step attend(TextReader in) throws PlanFormatException {
    var region = in.name("a KV region");
    in.keyword("queries");
    var queries = in.name("a buffer");
    in.keyword("writes");
    return new Step.Attend(region, queries, in.name("a buffer"));
  }

  private static Step append(TextReader in) throws PlanFormatException {
    var region = in.name("a KV region");
    in.keyword("keys");
    var keys = in.name("a buffer");
    in.keyword("values");
    return new Step.Append(region, keys, in.name("a buffer"));
  }

  private static Step compute(TextReader in, Op op) throws PlanFormatException {
    in.keyword("at");
    var at = in.name("a device");
    var reads = new ArrayList<String>();
    if (in.passes("reads")) {
      do {
        reads.add(in.name("a buffer"));
      } while (!in.passes(TextWriter.AFTER_LIST));
    } else {
      in.keyword(TextWriter.AFTER_LIST);
    }
    return new Step.Compute(op, at, reads, in.name("a buffer"));
  }

  static ElementType elementType(TextReader in) throws PlanFormatException {
    return constant(in, ElementType.values(), ElementType::word);
  }

  static Weight weight(TextReader in) throws PlanFormatException {
    var word = in.word("a weight such as attn.q");
    for (var weight : Weight.values()) {
      if (weight.word().equals(word)) {
        return weight;
      }
    }
    throw in.foundBefore("a weight such as attn.q");
  }

  private static Op.Norm norm(TextReader in) throws PlanFormatException {
    return constant(in, Op.Norm.values(), Op.Norm::word);
  }

  /** One of an enumeration's words. */
  static <E extends Enum<E>> E constant(
      TextReader in, E[] values, java.util.function.Function<E, String> words)
      throws PlanFormatException {
    var all = new ArrayList<String>();
    for (var value : values) {
      all.add(words.apply(value));
    }
    var expected = "one of " + String.join(", ", all).toLowerCase(Locale.ROOT);
    int i = all.indexOf(in.word(expected));
    if (i < 0) {
      throw in.foundBefore(expected);
    }
    return values[i];
  }
}
