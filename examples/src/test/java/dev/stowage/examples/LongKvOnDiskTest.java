package dev.stowage.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.lower.Draft;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.Schedule;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Completion;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Keys and values of sequences so long that a disk is read and written past the page cache, ahead
 * of and behind what computes: the tokens are those made in memory.
 */
class LongKvOnDiskTest {
  private static final Path MODEL = Path.of("models/tiny-opt");
  private static final int PROMPT = 280;
  private static final int TOKENS = 24;

  @TempDir Path folder;

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void makeTheSameTokensAsInMemory(long seed) throws Exception {
    var random = new Random(seed);
    int sequences = 1 + random.nextInt(4);
    var batch =
        new BatchShape(
            sequences,
            1 + random.nextInt(sequences),
            PROMPT,
            TOKENS,
            1 + random.nextInt(2 * PROMPT / 3));
    var requests = new ArrayList<Request>();
    int count = 1 + random.nextInt(2 * sequences); // perhaps more than there are slots
    for (int i = 0; i < count; i++) {
      int length = i == 0 ? PROMPT : 1 + random.nextInt(PROMPT);
      requests.add(request(random, length, 1 + random.nextInt(TOKENS)));
    }
    var inMemory =
        Draft.allOnHost(MODEL, batch, ElementType.F32)
            .withWeights(Map.of("ram", 0.5, "ssd", 0.5))
            .withPrefetch(random.nextInt(3));
    var onDisk =
        random.nextBoolean()
            ? inMemory.withKv(Map.of("ssd", 1.0), Draft.Axis.TOKENS)
            : inMemory.withKv(Draft.shares("ssd", 0.5, "ram", 0.5), Draft.Axis.SEQUENCES);
    var plan = onDisk.plan();
    assertLong(plan);
    var schedule = new Schedule(Drawn.order(random, plan), onDisk.schedule().prefetch(), List.of());
    assertEquals(
        run(inMemory.plan(), inMemory.schedule(), requests),
        run(plan, schedule, requests),
        () -> "seed %d: %s, %s".formatted(seed, onDisk, schedule));
  }

  @Test
  void aFileThatIsCutOffWhileItIsUsedIsOneErrorOfTheDevice() throws Exception {
    var draft =
        Draft.allOnHost(MODEL, new BatchShape(1, 1, PROMPT, TOKENS, PROMPT), ElementType.F32)
            .withKv(Map.of("ssd", 1.0), Draft.Axis.TOKENS);
    var requests = List.of(request(new Random(1), PROMPT, TOKENS));
    try (var session = Session.open(draft.plan(), draft.schedule(), folder, MODEL, 1)) {
      var error =
          assertThrows(
              DeviceException.class,
              () ->
                  session.generate(
                      requests,
                      (request, id) -> {
                        cutOff();
                        return true;
                      }));
      assertEquals("ssd", error.device());
      assertTrue(
          error.getMessage().startsWith("ssd: cannot read keys and values in"), error.getMessage());
    }
    try (var files = Files.list(folder)) {
      assertEquals(List.of(), files.toList(), "scratch files go with the session");
    }
  }

  private void cutOff() {
    try (var files = Files.list(folder);
        var channel = FileChannel.open(files.findFirst().orElseThrow(), StandardOpenOption.WRITE)) {
      channel.truncate(Footprint.PAGE_BYTES);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void assertLong(ExecutablePlan plan) {
    var region = plan.kvRegion("kv.ssd");
    assertTrue(
        Footprint.sequenceBytes(plan.shape(), plan.kvType(), region) >= Footprint.DIRECT_BYTES,
        "long enough to pass the page cache by");
  }

  private static Request request(Random random, int promptTokens, int most) {
    return new Request(
        random.ints(promptTokens, 3, 500).toArray(), most, Set.of(), Sampling.GREEDY);
  }

  private List<List<Integer>> run(ExecutablePlan plan, Schedule schedule, List<Request> requests)
      throws Exception {
    try (var session = Session.open(plan, schedule, folder, MODEL, 2)) {
      return session.generate(requests, (request, id) -> true).stream()
          .map(Completion::output)
          .toList();
    }
  }
}
