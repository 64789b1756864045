package dev.stowage.plan.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.plan.Schedule;
import dev.stowage.plan.SplitPlan;
import dev.stowage.plan.text.PlanFormatException;
import dev.stowage.plan.text.PlanParser;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PlanVerifierTest {
  @Test
  void acceptsAPlanThatHoldsTogether() throws PlanFormatException {
    assertEquals(List.of(), PlanVerifier.verify(SplitPlan.plan()));
  }

  @Test
  void wantsEveryRangeWithinModelAndBatch() throws PlanFormatException {
    rejects(
        "mlp.down layers 0..2", "mlp.down layers 0..3", "mlp.down: layers 0..3, but there are 2");
    rejects(
        "embed.tokens layers 0..1",
        "embed.tokens layers 0..2",
        "embed.tokens: layers 0..2, but there are 1");
    rejects("rows 0..10 on", "rows 0..11 on", "embed.tokens: rows 0..11, but there are 10");
    rejects(
        "kv.host layers 0..2 sequences 0..2",
        "kv.host layers 0..2 sequences 0..3",
        "region kv.host: sequences 0..3, but there are 2");
    rejects("tokens 3..7", "tokens 3..8", "region kv.host: tokens 3..8, but there are 7");
    rejects(
        "batch sequences 2 ",
        "batch sequences 2000000 ",
        "batch: 2000000 sequences, at most 1048576 are allowed");
  }

  @Test
  void wantsNoWeightsTheShapeLacks() throws PlanFormatException {
    rejects(
        "attn.q layers 0..2 rows 0..8 on host as f32",
        "attn.q layers 0..2 rows 0..8 on host as f32\n  head.logits layers 0..1 rows 0..10 on host as f32",
        "head.logits: rows 0..10, but there are 0");
  }

  @Test
  void wantsRowsAsTheModelStoresThemOrQuantized() throws PlanFormatException {
    rejects(
        "attn.q layers 0..2 rows 0..8 on host as f32",
        "attn.q layers 0..2 rows 0..8 on host as bf16",
        "attn.q: kept as bf16, but the model stores f32 in layer 0, and only int8 and int4 are made of it");
  }

  @Test
  void wantsSparseAttentionWithinAHead() throws PlanFormatException {
    rejects(
        "tokens 3..7 on host attend-at host",
        "tokens 3..7 on host attend-at host channels 5 token-share 0.5",
        "region kv.host: attention chooses by 5 channels of a head's 4");
  }

  @Test
  void wantsNamesUniqueAndKnown() throws PlanFormatException {
    rejects("buffer k on", "buffer q on", "buffer q: there are two of that name");
    rejects("region kv.host", "region kv.drive", "region kv.drive: there are two of that name");
    rejects("section head", "section embed", "section embed: there are two of that name");
    rejects("reads q k v", "reads q k w", "section layers: there is no buffer w");
    rejects("rows 8..16 on ssd", "rows 8..16 on tape", "mlp.up: the machine has no device tape");
    rejects("attend kv.host", "attend kv.gone", "section layers: there is no KV region kv.gone");
  }

  @Test
  void wantsEveryWeightRowOnOneDevice() throws PlanFormatException {
    rejects(
        "mlp.up layers 0..2 rows 8..16",
        "mlp.up layers 0..2 rows 9..16",
        "mlp.up of layer 0: rows 8..9 lie nowhere");
    rejects(
        "mlp.up layers 0..2 rows 8..16",
        "mlp.up layers 0..2 rows 7..16",
        "mlp.up of layer 1: row 7 lies twice");
    rejects("attn.o layers 0..2", "attn.o layers 0..1", "attn.o of layer 1: rows 0..8 lie nowhere");
  }

  @Test
  void wantsKvRegionsToFillTheCacheOnce() throws PlanFormatException {
    rejects("tokens 0..3", "tokens 0..4", "region kv.drive: it overlaps region kv.host");
    rejects(
        "tokens 0..3",
        "tokens 1..3",
        "kv: regions hold 24 of the 28 keys (layers × sequences × heads × tokens)");
  }

  @Test
  void wantsLayersInOrder() throws PlanFormatException {
    rejects(
        "section layers layers 0..2",
        "section layers layers 1..2",
        "section layers: it takes layers 1..2, layer 0 is next");
    rejects(
        "section layers layers 0..2",
        "section layers layers 0..1",
        "plan: no section takes layers 1..2");
    rejects(
        "  embed at host writes hidden\n", "", "plan: tokens are embedded 0 times, expected once");
    rejects(
        "  pick at host reads hidden writes last\n",
        "",
        "plan: rows are picked for logits 0 times, expected once");
  }

  @Test
  void wantsProductsToPartitionTheRows() throws PlanFormatException {
    rejects(
        "matmul mlp.up rows 8..16 at host",
        "matmul mlp.up rows 9..16 at host",
        "section layers: products of mlp.up do not take its rows 0..16 once each, first at row 8");
    rejects(
        "  matmul attn.q rows 0..8 at host reads normed writes q\n",
        "",
        "section layers: products of attn.q do not take its rows 0..8 once each, first at row 0");
    rejects(
        "matmul mlp.up rows 8..16 at host reads normed writes up",
        "matmul mlp.up rows 8..16 at host reads normed writes gate",
        "section layers: parts of mlp.up have different operands");
    rejects(
        "  pick at host",
        "  matmul attn.k rows 0..4 at host reads hidden writes last\n  pick at host",
        "sections beside the layers: attn.k is multiplied here, and should not be");
  }

  @Test
  void wantsWeightsWhereTheyAreMultiplied() throws PlanFormatException {
    rejects(
        "  load mlp.up rows 8..16 as f32 from ssd into ring\n",
        "",
        "section layers: rows 8..16 of mlp.up are multiplied at host, where they neither lie nor were loaded");
    rejects(
        "load mlp.up rows 8..16 as f32 from ssd",
        "load mlp.up rows 4..16 as f32 from ssd",
        "section layers: rows 4..16 of mlp.up are loaded from ssd, but rows 0..8 lie on host");
    rejects(
        "load mlp.up rows 8..16 as f32 from ssd",
        "load mlp.up rows 8..16 as int4 from ssd",
        "section layers: rows 8..16 of mlp.up are loaded as int4, but rows 8..16 are stored as f32");
    rejects(
        "buffer ring on host for working bytes 256",
        "buffer ring on host for working bytes 192",
        "buffer ring: a slot of 192 bytes, but section layers loads 256");
  }

  @Test
  void wantsAttentionOnceOverAllRegions() throws PlanFormatException {
    rejects(
        "  attend kv.host queries q writes partial.1\n",
        "",
        "section layers: region kv.host is never attended to");
    rejects(
        "  append kv.host keys k values v\n",
        "",
        "section layers: region kv.host is never appended to");
    rejects(
        "append kv.host keys",
        "append kv.drive keys",
        "section layers: region kv.drive is appended to twice");
    rejects(
        "  merge at host reads attended partial.1 writes attended\n",
        "",
        "section layers: attention is finished without region kv.host");
    rejects(
        "reads attended partial.1",
        "reads attended partial.0",
        "section layers: region kv.drive is merged twice");
    rejects(
        "  attend-pass at host reads q k v writes attended\n",
        "",
        "section layers: a merge of [attended, partial.0] into attended, which are no partial results");
    rejects(
        "  finish at host reads attended writes attended\n",
        "",
        "section layers: attention is finished 0 times, expected once");
    rejects(
        "  attend kv.drive queries q writes partial.0\n",
        "  append kv.drive keys k values v\n  attend kv.drive queries q writes partial.0\n",
        "section layers: region kv.drive is attended to after this pass's keys went there");
    rejects(
        "kv.drive layers 0..2",
        "kv.drive layers 0..1",
        "section layers: region kv.drive holds layers 0..1, the section takes layers 0..2");
  }

  @Test
  void wantsOperandsThatFit() throws PlanFormatException {
    rejects(
        "matmul attn.o rows 0..8 at host",
        "matmul attn.o rows 0..8 at ssd",
        "section layers: ssd is no gpu or host and cannot compute");
    rejects(
        "reads hidden delta writes hidden",
        "reads hidden writes hidden",
        "section layers: add reads [hidden], expected 2 operands");
    rejects(
        "reads hidden delta writes hidden",
        "reads hidden delta writes normed",
        "section layers: add works in place, but reads hidden and writes normed");
    rejects(
        "buffer k on host for activations bytes 64",
        "buffer k on host for activations bytes 63",
        "section layers: k has 63 bytes, 64 are needed");
    rejects(
        "buffer q on host",
        "buffer q on ssd",
        "section layers: q lies on ssd, but is used at host");
    rejects(
        "on host attend-at host",
        "on host attend-at ssd",
        "section layers: ssd is a disk and cannot attend");
    rejects(
        "  pick at host",
        "  copy hidden to last\n  pick at host",
        "section head: a copy of hidden (128 bytes) to last (64 bytes)");
  }

  @Test
  void wantsOperandsWrittenBeforeTheyAreRead() throws PlanFormatException {
    rejects(
        "  normalize attention at host reads hidden writes normed\n",
        "",
        "section layers: normed is read before it is written");
  }

  @Test
  void wantsRoomForMicroBatchesThatWait() throws PlanFormatException {
    rejects(
        "hidden on host for activations bytes 128 instances 2",
        "hidden on host for activations bytes 128 instances 1",
        "section layers: hidden has room for 1 of 2 micro-batches that wait");
  }

  @Test
  void wantsBuffersForAllThatIsCounted() throws PlanFormatException {
    rejects(
        "for weights bytes 4416",
        "for weights bytes 4415",
        "buffer weights.host: it has 4415 bytes, its weights need 4416");
    rejects(
        "  buffer weights.ssd on ssd for weights bytes 512 instances 1\n",
        "",
        "device ssd: weights lie there in 0 buffers, expected one");
    rejects(
        "vectors on host for weights bytes 160",
        "vectors on host for weights bytes 100",
        "buffer vectors: it has 100 bytes, 160 are needed");
    rejects(
        "for kv bytes 192",
        "for kv bytes 191",
        "buffer kv.drive: it has 191 bytes, 192 are needed");
    rejects(
        "buffer kv.host on host for kv",
        "buffer kv.host on host for working",
        "buffer kv.host: it is for working, not kv");
    rejects(
        "buffer kv.host on host",
        "buffer kv.host on ssd",
        "buffer kv.host: it lies on ssd, its region on host");
    rejects(
        "  buffer rotations on host for activations bytes 128 instances 1\n",
        "",
        "buffers: there is no buffer rotations of 128 bytes");
    rejects(
        "tokens 3..7 on host",
        "tokens 3..7 on ssd",
        "buffers: there is no buffer staging.kv.host of 64 bytes");
  }

  @Test
  void wantsEveryDeviceWithinItsCapacity() throws PlanFormatException {
    rejects(
        "csd capacity 4096 reserve 0",
        "csd capacity 4096 reserve 3905",
        "device drive[0]: the plan sets aside 192 bytes there, of 191 usable");
  }

  @Test
  void wantsTokensWithinTheModelsPositions() throws PlanFormatException {
    rejects(
        "max-positions 32",
        "max-positions 6",
        "batch: prompt 4 and generate 4 feed 7 tokens, more than the model's 6 positions");
  }

  @Test
  void acceptsEveryLegalSchedule() throws PlanFormatException {
    for (var order :
        List.of(
            new Schedule.Order.ZigZag(),
            new Schedule.Order.RowByRow(),
            new Schedule.Order.Word(List.of(1, 0, 0, 1, 0, 1, 1, 0)))) {
      var schedule = new Schedule(order, 1, List.of("drive[0]"));
      assertEquals(List.of(), ScheduleVerifier.verify(SplitPlan.plan(), schedule));
    }
  }

  @Test
  void rejectsSchedulesOfAnotherPlan() throws PlanFormatException {
    rejectsSchedule(
        List.of(0, 0, 0, 0, 1, 1, 1), 1, List.of(), "order: micro-batch 1 takes 3 of 4 stops");
    rejectsSchedule(List.of(0, 1, 2), 1, List.of(), "order: there is no micro-batch 2 of 2");
    var word = IntStream.range(0, 8).mapToObj(i -> i % 2).toList();
    rejectsSchedule(word, 2, List.of(), "prefetch: 2 stops ahead need 3 slots, ring has 2");
    rejectsSchedule(word, 1, List.of("tape"), "lane tape: the machine has no such device");
    rejectsSchedule(word, 1, List.of("ssd", "ssd"), "lane ssd: the device has two lanes");
  }

  @Test
  void onlyComputationalDrivesGatherTokens() throws PlanFormatException {
    var order = new Schedule.Order.ZigZag();
    for (var wrong :
        Map.of(
                "tape", "write-back tape: the machine has no such device",
                "ssd", "write-back ssd: only computational drives gather tokens")
            .entrySet()) {
      var schedule = new Schedule(order, 1, List.of(), Map.of(wrong.getKey(), 16));
      var violations = ScheduleVerifier.verify(SplitPlan.plan(), schedule);
      assertEquals(
          List.of(wrong.getValue()), violations.stream().map(Violation::toString).toList());
    }
    var drive = new Schedule(order, 1, List.of(), Map.of("drive[0]", 16));
    assertEquals(List.of(), ScheduleVerifier.verify(SplitPlan.plan(), drive));
    assertThrows(
        IllegalArgumentException.class,
        () -> new Schedule(order, 1, List.of(), Map.of("drive[0]", 0)));
  }

  private static void rejectsSchedule(
      List<Integer> word, int prefetch, List<String> lanes, String violation)
      throws PlanFormatException {
    var schedule = new Schedule(new Schedule.Order.Word(word), prefetch, lanes);
    var violations = ScheduleVerifier.verify(SplitPlan.plan(), schedule);
    assertEquals(List.of(violation), violations.stream().map(Violation::toString).toList());
  }

  /** The change breaks an invariant; what else it breaks does not matter here. */
  private static void rejects(String from, String to, String violation) throws PlanFormatException {
    var violations = PlanVerifier.verify(PlanParser.parse(SplitPlan.with(from, to)));
    assertTrue(
        violations.stream().anyMatch(v -> v.toString().equals(violation)),
        () -> "expected: " + violation + "\nfound: " + violations);
  }
}
