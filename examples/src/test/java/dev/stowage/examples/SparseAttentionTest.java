package dev.stowage.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.stowage.compiler.lower.Draft;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.Sparsity;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Completion;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Plans whose attention of decode reads a part of the cache, from prompt to tokens. */
class SparseAttentionTest {
  private static final long SEED = 20_261_121;
  private static final Path OPT = Path.of("models/tiny-opt");
  private static final Path LLAMA = Path.of("models/tiny-llama");

  @TempDir Path folder;

  static Stream<Path> models() {
    return Stream.of(OPT, LLAMA);
  }

  /**
   * Cuts of heads, layers and sequences leave each head's tokens together, so they change nothing.
   */
  @ParameterizedTest(name = "{0}")
  @MethodSource("models")
  void hostAndDriveMakeTheSameTokensHoweverTheyShareHeadsLayersAndSequences(Path model)
      throws Exception {
    var random = new Random(SEED);
    var requests = new ArrayList<Request>();
    for (int i = 0; i < 5; i++) {
      var prompt = random.ints(20 + random.nextInt(60), 3, 1000).toArray();
      requests.add(new Request(prompt, 50, Set.of(), Sampling.GREEDY));
    }
    var sparsity = Sparsity.ofBytes(1 / 4.0, 32);
    var draft =
        Draft.allOnHost(model, new BatchShape(3, 2, 80, 50, 17), ElementType.F16)
            .withSparsity(sparsity);
    var onHost = generate(draft, requests, Map.of());
    assertNotEquals(
        generate(draft.withSparsity(new Sparsity(1, 1)), requests, Map.of()),
        onHost,
        "reading a quarter changes what random prompts are continued with");
    for (var axis : List.of(Draft.Axis.HEADS, Draft.Axis.LAYERS, Draft.Axis.SEQUENCES)) {
      for (var kv : List.of(Draft.shares("inst", 1), Draft.shares("inst", 0.5, "ram", 0.5))) {
        assertEquals(
            onHost,
            generate(draft.withKv(kv, axis), requests, Map.of("inst", 64)),
            "seed %d: %s by %s".formatted(SEED, kv, axis));
      }
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("models")
  void readingAllTokensMakesTheTokensOfDenseAttention(Path model) throws Exception {
    var golden = Golden.read(model).greedy();
    var batch = new BatchShape(1, 1, golden.prompt().length, golden.output().size(), 23);
    for (var kv :
        List.of(
            Draft.shares("ram", 1),
            Draft.shares("inst", 1),
            Draft.shares("inst", 0.4, "ram", 0.6))) {
      var draft =
          Draft.allOnHost(model, batch, ElementType.F32)
              .withKv(kv, Draft.Axis.TOKENS)
              .withSparsity(new Sparsity(3, 1));
      var request = new Request(golden.prompt(), golden.output().size(), Set.of(), Sampling.GREEDY);
      assertEquals(
          List.of(golden.output()), generate(draft, List.of(request), Map.of()), kv.toString());
    }
  }

  /**
   * Held-out text, read token by token after a prompt. These models are small, their heads 32 wide
   * and their texts short: what they lose says that the mechanism works, not what a large model
   * loses.
   */
  @ParameterizedTest(name = "{0}")
  @MethodSource("models")
  void readingLessCostsLittlePerplexity(Path model) throws Exception {
    int prompt = 64;
    int length = 384;
    int windows = 1;
    var all = new ObjectMapper().readValue(model.resolve("val.ids.json").toFile(), int[].class);
    var draft =
        Draft.allOnHost(
            model, new BatchShape(1, 1, prompt, length - prompt + 1, prompt), ElementType.F32);
    double dense = perplexity(draft.withSparsity(new Sparsity(1, 1)), all, windows, length);
    var losses = new ArrayList<Double>();
    var shares = List.of(1 / 2.0, 1 / 4.0, 1 / 8.0);
    for (double share : shares) {
      var sparse = draft.withSparsity(Sparsity.ofBytes(share, 32));
      losses.add(perplexity(sparse, all, windows, length) / dense - 1);
    }
    String said =
        "%s: perplexity %.4f; of the bytes %s: more by %s"
            .formatted(
                model,
                dense,
                shares,
                losses.stream().map(l -> "%.2f %%".formatted(100 * l)).toList());
    System.out.println(said);
    assertTrue(losses.get(0) < 0.10, said);
    assertTrue(losses.get(1) < 0.20, said);
    assertTrue(losses.get(2) < 0.40, said);
  }

  /** Of the tokens after the prompt. */
  private double perplexity(Draft draft, int[] text, int windows, int length) throws Exception {
    double sum = 0;
    int count = 0;
    try (var session = Session.open(draft.plan(), draft.schedule(), folder, draft.model(), 2)) {
      for (int window = 0; window < windows; window++) {
        int from = window * (length - 1);
        var ids =
            IntStream.concat(
                    IntStream.of(2), IntStream.range(0, length - 1).map(i -> text[from + i]))
                .toArray();
        var logprobs = session.score(ids, 0).logprobs();
        var after = logprobs.subList(draft.batch().promptTokens(), logprobs.size());
        sum -= after.stream().flatMapToDouble(DoubleStream::of).sum();
        count += after.size();
      }
    }
    return Math.exp(sum / count);
  }

  @Test
  void disksAndWindowsRefuseToBeReadInPart() throws Exception {
    var draft =
        Draft.allOnHost(OPT, new BatchShape(1, 1, 8, 8, 8), ElementType.F32)
            .withKv(Draft.shares("ssd", 1), Draft.Axis.TOKENS)
            .withSparsity(new Sparsity(4, 0.5));
    var refused =
        assertThrows(
            DeviceException.class,
            () -> Session.open(draft.plan(), draft.schedule(), folder, OPT, 1).close());
    assertEquals(
        "ssd: attention over KV region kv.ssd cannot be sparse: a disk brings a sequence whole; keep it in host memory or on a csd",
        refused.getMessage());
  }

  private List<List<Integer>> generate(
      Draft draft, List<Request> requests, Map<String, Integer> writeBack) throws Exception {
    var plain = draft.schedule();
    var schedule = new Schedule(plain.order(), plain.prefetch(), plain.lanes(), writeBack);
    try (var session = Session.open(draft.plan(), schedule, folder, draft.model(), 2)) {
      return session.generate(requests, (request, id) -> true).stream()
          .map(Completion::output)
          .toList();
    }
  }
}
