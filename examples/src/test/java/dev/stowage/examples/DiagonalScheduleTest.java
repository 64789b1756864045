package dev.stowage.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import dev.stowage.compiler.lower.Draft;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.text.PlanParser;
import dev.stowage.plan.text.PlanPrinter;
import dev.stowage.plan.verify.PlanVerifier;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Completion;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * FlexGen's diagonal block schedule: requests begin one after another, and the KV cache holds what
 * sequences of all ages need. That changes when a request runs, never its tokens.
 */
@EnabledOnOs(OS.LINUX)
class DiagonalScheduleTest {
  private static final long SEED = 20_260_901;
  private static final Path LLAMA = Path.of("models/tiny-llama");
  private static final Path OPT = Path.of("models/tiny-opt");

  @TempDir Path folder;

  static Stream<Long> seeds() {
    return LongStream.range(0, 6).map(i -> SEED + i).boxed();
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void tokensAreThoseOfRequestsThatBeginTogether(long seed) throws Exception {
    var random = new Random(seed);
    var model = random.nextBoolean() ? LLAMA : OPT;
    int sequences = 3 + random.nextInt(4);
    int prompt = 1 + random.nextInt(24);
    int generate = 120 + random.nextInt(120);
    var batch =
        new BatchShape(
            sequences,
            1 + random.nextInt(2),
            prompt,
            generate,
            1 + random.nextInt(prompt + 3),
            true);
    var draft =
        Draft.allOnHost(model, batch, random.nextBoolean() ? ElementType.F32 : ElementType.F16)
            .withKv(
                Drawn.shares(random, "ram", "ssd", "inst"),
                Draft.Axis.values()[random.nextInt(Draft.Axis.values().length)]);
    var together = draft.withBatch(batch.together());
    var requests = new ArrayList<Request>();
    for (int i = 0; i < 3 * sequences; i++) {
      int length = 1 + random.nextInt(prompt);
      int most = random.nextInt(4) == 0 ? generate : random.nextInt(generate);
      requests.add(request(random, draft, length, most));
    }
    var stops = random.ints(requests.size(), 0, 2 * generate).toArray(); // some end early
    var plain = draft.schedule();
    var schedule = new Schedule(Drawn.order(random, draft.plan()), plain.prefetch(), plain.lanes());
    var staggered = completions(draft, schedule, requests, stops, true);
    assertEquals(
        completions(together, plain, requests, stops, false),
        staggered,
        () -> "seed %d: %s, %s".formatted(seed, draft, schedule));
  }

  private static Request request(Random random, Draft draft, int length, int most)
      throws Exception {
    return request(random, draft.plan().shape(), length, most);
  }

  private static Request request(Random random, ModelShape shape, int length, int most) {
    var ids = random.ints(length, 0, shape.vocabulary()).toArray();
    return new Request(ids, most, Set.of(), Sampling.GREEDY);
  }

  private List<List<Integer>> completions(
      Draft draft, Schedule schedule, List<Request> requests, int[] stops, boolean staggered)
      throws Exception {
    var plan = draft.plan();
    try (var session = Session.open(plan, schedule, folder, draft.model(), 2)) {
      var made = new int[requests.size()];
      var completions =
          session.generate(requests, (request, id) -> ++made[request] < stops[request]);
      var held = session.metrics().held();
      assertEquals(!plan.pages().isEmpty(), held.isPresent(), draft.toString());
      held.ifPresent(
          bytes -> {
            assertTrue(staggered, "a block that begins together has its cache whole");
            assertTrue(bytes.mostBytes() <= bytes.plannedBytes(), bytes + " of " + draft);
            assertTrue(bytes.meanBytes() <= bytes.mostBytes(), bytes.toString());
            assertTrue(bytes.plannedBytes() < bytes.wholeBytes(), bytes.toString());
          });
      return completions.stream().map(Completion::output).toList();
    }
  }

  /** A disk that passes the page cache by gives pages back too. */
  @Test
  void longCachesOnADiskGivePagesBack() throws Exception {
    var random = new Random(SEED);
    var batch = new BatchShape(3, 1, 260, 60, 64, true);
    var draft =
        Draft.allOnHost(OPT, batch, ElementType.F32).withKv(Map.of("ssd", 1.0), Draft.Axis.TOKENS);
    var requests = new ArrayList<Request>();
    for (int i = 0; i < 7; i++) {
      requests.add(request(random, draft, 200 + random.nextInt(60), 60));
    }
    var never = new int[requests.size()];
    Arrays.fill(never, Integer.MAX_VALUE);
    assertEquals(
        completions(draft.withBatch(batch.together()), draft.schedule(), requests, never, false),
        completions(draft, draft.schedule(), requests, never, true));
  }

  /** More sequences run at a time than would fit if all were at their longest. */
  @Test
  void aStreamOfLongRequestsKeepsAllSlotsBusyInLessRoom() throws Exception {
    var batch = new BatchShape(8, 1, 8, 240, 8, true);
    var draft = Draft.allOnHost(LLAMA, batch, ElementType.F32);
    var random = new Random(SEED);
    var request = request(random, draft, 8, 240);
    var plan = draft.plan();
    try (var session = Session.open(plan, draft.schedule(), folder, LLAMA, 2)) {
      session.generate(IntStream.range(0, 32).mapToObj(i -> request).toList(), (r, id) -> true);
      var held = session.metrics().held().orElseThrow();
      assertTrue(held.plannedBytes() < 0.72 * held.wholeBytes(), held.toString());
      assertTrue(held.mostBytes() > 0.9 * held.plannedBytes(), held.toString());
      assertEquals((31.0 / 8 + 1) * batch.sweeps(), held.sweeps(), 0.1 * batch.sweeps());
    }
  }

  /** A plan whose cache would have less room than sequences of all ages need is refused. */
  @Test
  void aPlanWithLessRoomIsRefused() throws Exception {
    var plan =
        Draft.allOnHost(LLAMA, new BatchShape(8, 1, 8, 240, 8, true), ElementType.F32).plan();
    assertEquals(List.of(), PlanVerifier.verify(plan));
    var text = PlanPrinter.print(plan);
    assertEquals(plan, PlanParser.parse(text));
    long bytes = plan.buffer("kv.ram").bytes();
    var less = PlanParser.parse(text.replace("kv bytes " + bytes, "kv bytes " + (bytes - 1)));
    assertEquals(
        "buffer kv.ram: it has %d bytes, %d are needed".formatted(bytes - 1, bytes),
        PlanVerifier.verify(less).getFirst().toString());
    var together = PlanParser.parse(text.replace(" staggered", ""));
    assertEquals(1, PlanVerifier.verify(together).size(), "a whole cache needs more");
  }

  @Test
  void theExampleHoldsMoreSequencesThanIfTheyBeganTogether() throws Exception {
    var together = example(Optional.empty());
    var diagonal = example(Optional.of("diagonal"));
    int more = diagonal.plan().batch().sequences();
    assertTrue(more > together.plan().batch().sequences(), "sequences: " + more);
    var random = new Random(SEED);
    var shape = diagonal.plan().shape();
    var requests =
        IntStream.range(0, more + 2)
            .mapToObj(i -> request(random, shape, 1 + random.nextInt(32), 1 + random.nextInt(12)))
            .toList();
    assertEquals(generate(together, requests), generate(diagonal, requests));
  }

  private static Compilation.Compiled example(Optional<String> variant) throws Exception {
    var file = Path.of("04-diagonal.stow");
    var settings = new Settings(Map.of(), variant, OptionalInt.empty());
    return assertInstanceOf(
        Compilation.Compiled.class, Compiler.compile(Files.readString(file), file, settings));
  }

  private List<Completion> generate(Compilation.Compiled compiled, List<Request> requests)
      throws Exception {
    try (var session = Session.open(compiled.plan(), compiled.schedule(), folder, LLAMA, 2)) {
      return session.generate(requests, (r, id) -> true);
    }
  }

  /** What a failed call has left is given back by the next. */
  @Test
  void aCallThatFailsLeavesRoomForTheNext() throws Exception {
    var batch = new BatchShape(4, 1, 8, 200, 8, true);
    var draft = Draft.allOnHost(LLAMA, batch, ElementType.F32);
    var random = new Random(SEED);
    var good = IntStream.range(0, 6).mapToObj(i -> Math.min(200, 60 * (i + 1))).toList();
    var requests = new ArrayList<Request>();
    for (int most : good) {
      requests.add(request(random, draft, 8, most));
    }
    try (var session = Session.open(draft.plan(), draft.schedule(), folder, LLAMA, 2)) {
      var expected = session.generate(requests, (r, id) -> true);
      for (int failing = 1; failing < 150; failing += 60) {
        int at = failing;
        var made = new int[1];
        assertThrows(
            IllegalStateException.class,
            () ->
                session.generate(
                    requests,
                    (r, id) -> {
                      if (++made[0] == at) {
                        throw new IllegalStateException("the listener is done");
                      }
                      return true;
                    }));
        assertEquals(expected, session.generate(requests, (r, id) -> true));
        session.score(requests.getFirst().prompt(), 1);
        assertEquals(expected, session.generate(requests, (r, id) -> true));
      }
    }
  }
}
