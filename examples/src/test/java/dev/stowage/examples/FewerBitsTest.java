package dev.stowage.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.stowage.compiler.lower.Draft;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.model.ModelFolder;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Plans that store weights, keys and values in fewer bits: what they cost, and that they run. Four
 * bits cost these models, of width 128, 0.8 to 0.9 percent.
 */
class FewerBitsTest {
  private static final List<Path> MODELS =
      List.of(Path.of("models/tiny-opt"), Path.of("models/tiny-llama"));

  private static final int WINDOW = 250;

  @TempDir Path folder;

  static Stream<Arguments> formats() {
    return MODELS.stream()
        .flatMap(
            model ->
                Stream.of(
                    Arguments.of(model, null, ElementType.INT8, 0.001),
                    Arguments.of(model, ElementType.INT8, ElementType.INT8, 0.002),
                    Arguments.of(model, ElementType.INT4, ElementType.INT4, 0.015)));
  }

  @ParameterizedTest(name = "{0}, weights {1}, KV {2}")
  @MethodSource("formats")
  void fewerBitsCostLittlePerplexity(Path model, ElementType weights, ElementType kv, double most)
      throws Exception {
    double plain = perplexity(Draft.allOnHost(model, batch(), asStored(model)));
    var draft = Draft.allOnHost(model, batch(), kv);
    double quantized = perplexity(weights == null ? draft : draft.withWeightType(weights));
    assertTrue(
        quantized <= plain * (1 + most),
        () -> "perplexity %.4f, natively %.4f".formatted(quantized, plain));
  }

  private static BatchShape batch() {
    // chunks, so that most keys and values are read as they are stored
    return new BatchShape(1, 1, WINDOW, 8, 5);
  }

  private static ElementType asStored(Path model) throws Exception {
    var type = ModelFolder.open(model).shape().weightType();
    return type == ElementType.F16 ? ElementType.F16 : ElementType.F32;
  }

  private double perplexity(Draft draft) throws Exception {
    int[] ids =
        new ObjectMapper().readValue(draft.model().resolve("val.ids.json").toFile(), int[].class);
    double sum = 0;
    int count = 0;
    try (var session = Session.open(draft.plan(), draft.schedule(), folder, draft.model(), 2)) {
      for (int from = 0; from + WINDOW <= ids.length; from += WINDOW) {
        for (double logprob :
            session.score(Arrays.copyOfRange(ids, from, from + WINDOW), 0).logprobs()) {
          sum += logprob;
          count++;
        }
      }
    }
    return Math.exp(-sum / count);
  }

  static Stream<Arguments> types() {
    return MODELS.stream()
        .flatMap(
            model ->
                Stream.of(ElementType.INT8, ElementType.INT4)
                    .map(type -> Arguments.of(model, type)));
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("types")
  void placementChangesNoToken(Path model, ElementType type) throws Exception {
    var prompt = Golden.read(model).greedy().prompt();
    var request = new Request(prompt, 40, Set.of(), Sampling.GREEDY);
    var outputs = new ArrayList<List<Integer>>();
    var placements =
        List.of(
            Map.of("ram", 1.0),
            Map.of("ssd", 1.0),
            Map.of("inst", 1.0),
            Draft.shares("inst", 0.37, "ssd", 0.41, "ram", 0.22));
    for (var axis : List.of(Draft.Axis.TOKENS, Draft.Axis.HEADS, Draft.Axis.LAYERS)) {
      for (var placement : placements) {
        var draft =
            Draft.allOnHost(model, new BatchShape(3, 2, prompt.length, 40, 4), type)
                .withWeightType(type)
                .withKv(placement, axis);
        try (var session =
            Session.open(draft.plan(), draft.schedule(), folder, model, 1 + outputs.size() % 2)) {
          session
              .generate(List.of(request, request, request), (r, id) -> true)
              .forEach(completion -> outputs.add(completion.output()));
        }
        assertEquals(outputs.getFirst(), outputs.getLast(), axis + " " + placement);
      }
    }
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("types")
  void quantizedRowsOnADiskMakeTheTokensOfThoseInMemory(Path model, ElementType type)
      throws Exception {
    var prompt = Golden.read(model).greedy().prompt();
    var request = new Request(prompt, 20, Set.of(), Sampling.GREEDY);
    var all =
        Draft.allOnHost(model, new BatchShape(1, 1, prompt.length, 20, 8), ElementType.F32)
            .withWeightType(type);
    var inMemory = output(all, request);
    var spread = all.withWeights(Draft.shares("ram", 0.3, "ssd", 0.7)).withPrefetch(1);
    assertEquals(inMemory, output(spread, request));
    assertEquals(inMemory, output(all.withWeights(Map.of("ssd", 1.0)), request));
    var made = prepared();
    assertEquals(inMemory, output(spread, request));
    assertEquals(made, prepared(), "a second run makes nothing again");
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("types")
  void quantizedRowsInMemoryAreKeptOnThePlansDiskAndReadFromThereTheNextTime(
      Path model, ElementType type) throws Exception {
    var draft = inMemory(model, type);
    var request = request(model);
    var first = output(draft, request);
    var made = prepared();
    assertEquals(1, made.size());
    assertEquals(first, output(draft, request));
    assertEquals(made, prepared(), "a second run makes nothing again");
    flipAByteInTheMiddle(made.keySet().iterator().next());
    var e = assertThrows(UncheckedIOException.class, () -> output(draft, request));
    assertTrue(e.getMessage().contains("the file is damaged; delete it"), e::getMessage);
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("types")
  void rowsInMemoryAreQuantizedAtEveryStartWhereTheDiskTakesNoFile(Path model, ElementType type)
      throws Exception {
    var draft = inMemory(model, type);
    var kept = output(draft, request(model));
    var file = prepared().keySet().iterator().next();
    Files.delete(file);
    Files.createDirectories(file.resolve("in the way"));
    assertEquals(kept, output(draft, request(model)));
  }

  private static Draft inMemory(Path model, ElementType type) throws Exception {
    return Draft.allOnHost(model, new BatchShape(1, 1, 40, 20, 8), ElementType.F32)
        .withWeightType(type);
  }

  private static Request request(Path model) throws Exception {
    var prompt = Golden.read(model).greedy().prompt();
    return new Request(Arrays.copyOf(prompt, 8), 20, Set.of(), Sampling.GREEDY);
  }

  private static void flipAByteInTheMiddle(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length / 2] ^= 1;
    Files.write(file, bytes);
  }

  private List<Integer> output(Draft draft, Request request) throws Exception {
    try (var session = Session.open(draft.plan(), draft.schedule(), folder, draft.model(), 2)) {
      return session.generate(List.of(request), (r, id) -> true).getFirst().output();
    }
  }

  /** Files of prepared rows, with the times they were made. */
  private Map<Path, FileTime> prepared() throws IOException {
    var files = new TreeMap<Path, FileTime>();
    try (var walk = Files.walk(folder)) {
      for (var file : walk.filter(f -> f.toString().endsWith(".stowrows")).toList()) {
        files.put(file, Files.getLastModifiedTime(file));
      }
    }
    assertFalse(files.isEmpty());
    return files;
  }
}
