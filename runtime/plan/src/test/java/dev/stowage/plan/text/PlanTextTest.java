package dev.stowage.plan.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.SplitPlan;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PlanTextTest {
  @Test
  void parsesWhatItPrintedForAnyPlan() throws PlanFormatException {
    for (long seed = 0; seed < 2000; seed++) {
      var plan = new RandomPlans(seed).plan();
      var text = PlanPrinter.print(plan);
      assertEquals(plan, PlanParser.parse(text), "seed " + seed);
      assertEquals(text, PlanPrinter.print(PlanParser.parse(text)), "seed " + seed);
    }
  }

  @Test
  void parsesWhatItPrintedForAnySchedule() throws PlanFormatException {
    for (long seed = 0; seed < 2000; seed++) {
      var schedule = new RandomPlans(seed).schedule();
      var text = SchedulePrinter.print(schedule);
      assertEquals(schedule, ScheduleParser.parse(text), "seed " + seed);
    }
  }

  @Test
  void printsAHandWrittenPlanAsItStands() throws PlanFormatException {
    assertEquals(SplitPlan.text(), PlanPrinter.print(PlanParser.parse(SplitPlan.text())));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "plan \"split\" | plan split | line 1: expected the plan's name in double quotes, found 'split'",
        "plan \"split\" | plan \"split | line 1: a string that does not end, expected '\"'",
        "plan \"split\" | plan \"spl\\it\" | line 1: found a backslash before 'i', expected \\\", \\\\ or \\uXXXX",
        "plan \"split\" | plan \"split\"x | line 1: expected a blank after \"split\"",
        "family llama | family alpaca | line 4: expected one of opt, llama, mistral, qwen2, qwen3, found 'alpaca'",
        "  hidden 8 | | line 7: expected 'hidden', found 'embedding'",
        "hidden 8 | hidden 8 8 | line 6: expected the end of the line, found '8'",
        "layers 2 | layers two | line 5: expected a whole number, found 'two'",
        "layers 2 | layers | line 5: expected a whole number, found the end of the line",
        "layers 2 | layers 4294967298 | line 5: expected a whole number of at most 2147483647, found '4294967298'",
        "norm-epsilon 1.0E-5 | norm-epsilon 1.0f | line 14: expected a number, found '1.0f'",
        "capacity 1000000 reserve 1000 | capacity 99999999999999999999 reserve 1000 | line 25: expected a number of bytes, found '99999999999999999999'",
        "rate read 3.5E9 spec | rate read 0.0 spec | line 30: a rate is positive and finite, not 0.0",
        "rate read 3.5E9 spec | curve read at 0 3.5E9 spec | line 30: a curve of read has points at sizes from 1 on, not at [0]",
        "rate read 3.5E9 spec | curve read at 4 -1.0 spec | line 30: a rate is positive and finite, not -1.0",
        "rate read 3.5E9 spec | curve read f16 at 4 1.0 spec | line 30: expected 'at', found 'f16'",
        "rate read 3.5E9 spec | curve matmul at 4 1.0 spec | line 30: expected one of f32, f16, bf16, int8, int4, q8_0, q4_0, q4_k, q6_k, found 'at'",
        "rate prefill-compute 1.0E11 assumed | rate memory-bandwidth 1.0 spec | line 27: device host has two rates of memory-bandwidth, expected one",
        "link host to ssd | link host to nowhere | line 37: a link between unknown devices: host -> nowhere",
        "sequences 2 micro-batches 2 | sequences 2 micro-batches 3 | line 38: 3 micro-batches of 2 sequences",
        "rows 0..10 on host | rows 10..0 on host | line 41: expected a range of rows that runs upward within 0..2147483647, found '10..0'",
        "attn.k layers 0..2 rows 0..4 on host | attn.z layers 0..2 rows 0..4 on host | line 43: expected a weight such as attn.q, found 'attn.z'",
        "instances 2 | instances 0 | line 61: buffer hidden: 0 × 128 bytes",
        "for weights bytes 4416 | for weights bytes 4416kB | line 56: expected a number of bytes, found '4416kB'",
      })
  void saysWhatItFoundAndWhatItExpected(String from, String to, String message) {
    var text = SplitPlan.with(from, to == null ? "" : to);
    var e = assertThrows(PlanFormatException.class, () -> PlanParser.parse(text));
    assertEquals(message, e.getMessage());
  }

  @Test
  void refusesEveryTextThatEndsEarly() {
    var lines = SplitPlan.text().lines().toList();
    for (int i = 0; i < lines.size(); i++) {
      var text = String.join("\n", lines.subList(0, i));
      int line = i + 1;
      var e = assertThrows(PlanFormatException.class, () -> PlanParser.parse(text));
      assertTrue(
          e.getMessage().startsWith("line " + line + ": ")
              && e.getMessage().endsWith("found the end of the text"),
          e.getMessage());
    }
  }

  @Test
  void refusesStatementsThatStandTwiceOrBehindTheEnd() {
    for (var line : new String[] {"kv-type f16", "plan \"split\"", "predicted", "end"}) {
      assertThrows(
          PlanFormatException.class, () -> PlanParser.parse(SplitPlan.text() + line + "\n"));
      assertThrows(
          PlanFormatException.class,
          () -> PlanParser.parse(SplitPlan.with("kv-type f16", "kv-type f16\n" + line)));
    }
  }

  @Test
  void refusesEndlessLines() {
    var e =
        assertThrows(
            PlanFormatException.class,
            () -> PlanParser.parse("plan \"" + "x".repeat(1 << 20) + "\"\n"));
    assertEquals("line 1: a line of 1048583 characters, expected at most 65536", e.getMessage());
  }

  @Test
  void survivesAnyMutation() {
    var random = new java.util.Random(7);
    var text = SplitPlan.text();
    for (int i = 0; i < 3000; i++) {
      var mutated = new StringBuilder(text);
      for (int j = random.nextInt(4); j >= 0; j--) {
        mutated.setCharAt(random.nextInt(text.length()), (char) (random.nextInt(128)));
      }
      try {
        dev.stowage.plan.verify.PlanVerifier.verify(PlanParser.parse(mutated.toString()));
      } catch (PlanFormatException e) {
        assertTrue(e.getMessage().startsWith("line "), e.getMessage());
      }
    }
  }
}
