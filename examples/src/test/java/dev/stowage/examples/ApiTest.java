package dev.stowage.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.api.GenerateOptions;
import dev.stowage.api.LoadOptions;
import dev.stowage.api.Session;
import dev.stowage.api.Stowage;
import dev.stowage.api.StowageException;
import dev.stowage.compiler.lower.Draft;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.text.StowPlan;
import dev.stowage.plan.text.StowPlanFile;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Completion.Finish;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What programs rely on: the public API over the tiny model. */
class ApiTest {
  private static final Path MODEL = Path.of("models/tiny-opt").toAbsolutePath();
  private static final BatchShape BATCH = new BatchShape(2, 1, 32, 64, 8);

  @TempDir Path folder;

  private Session session;

  @BeforeEach
  void load() throws Exception {
    session = Stowage.load(plan("small.stowplan"));
  }

  @AfterEach
  void close() {
    session.close();
  }

  /** A plan with its KV cache on a disk, whose folder it names relatively. */
  private Path plan(String name) throws Exception {
    var draft =
        Draft.allOnHost(MODEL, BATCH, ElementType.F32)
            .withKv(Map.of("ram", 0.5, "ssd", 0.5), Draft.Axis.LAYERS);
    var file = folder.resolve(name);
    StowPlanFile.write(
        file,
        new StowPlan(
            draft
                .plan()
                .withPaths(path -> folder.relativize(MODEL).toString(), (device, path) -> "kv"),
            draft.schedule()));
    return file;
  }

  @Test
  void continuesAsTheReferenceDoes() throws Exception {
    var golden = Golden.read(MODEL).greedy();
    var options = GenerateOptions.greedy().withMaxTokens(golden.output().size()).ignoringEnd();
    var generated = session.generate(golden.prompt(), options, text -> {});
    assertEquals(golden.output(), generated.ids());
    assertEquals(Finish.LENGTH, generated.finish());
    assertEquals(golden.prompt().length, generated.promptTokens());
  }

  @Test
  void scoresAsTheReferenceDoes() throws Exception {
    for (var golden : Golden.read(MODEL).score()) {
      if (golden.ids().length <= BATCH.tokens()) {
        var scored = session.score(golden.ids());
        for (int i = 0; i < golden.logprobs().length; i++) {
          assertEquals(golden.logprobs()[i], scored.logprobs().get(i), 2e-3);
        }
      }
    }
    assertTrue(
        session.score("In the beginning God created the heaven").perplexity()
            < session.score("heaven the created God beginning the In").perplexity());
  }

  @Test
  void streamsTheTextThatItReturns() {
    var heard = new ArrayList<String>();
    var generated = session.generate("In the beginning", GenerateOptions.greedy(), heard::add);
    assertTrue(heard.size() > 10, heard::toString);
    assertEquals(generated.text(), String.join("", heard));
    assertEquals(generated, session.generate("In the beginning"));
  }

  @Test
  void endsBeforeAStopText() {
    var whole = session.generate("In the beginning").text();
    var stop = whole.substring(20, 25);
    var generated = session.generate("In the beginning", GenerateOptions.greedy().withStops(stop));
    assertEquals(whole.substring(0, whole.indexOf(stop)), generated.text());
    assertEquals(Finish.STOP, generated.finish());
  }

  @Test
  void manyPromptsKeepTheirOrder() {
    var prompts = List.of("In the beginning", "And God said", "The king", "And it came to pass");
    var options = GenerateOptions.greedy().withMaxTokens(12);
    var together = session.generateAll(prompts, options);
    var alone = prompts.stream().map(prompt -> session.generate(prompt, options)).toList();
    assertEquals(alone, together);
  }

  @Test
  void aSeedDrawsTheSameTokens() {
    var options =
        GenerateOptions.greedy().withMaxTokens(16).withSampling(new Sampling(0.9, 0, 1, 7));
    assertEquals(session.generate("And", options), session.generate("And", options));
  }

  @Test
  void virtualThreadsTakeTurns() throws Exception {
    var options = GenerateOptions.greedy().withMaxTokens(8);
    var expected = session.generate("And God said", options);
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var calls = new ArrayList<Future<?>>();
      for (int i = 0; i < 8; i++) {
        Callable<?> call = () -> session.generate("And God said", options);
        calls.add(threads.submit(call));
      }
      for (var call : calls) {
        assertEquals(expected, call.get());
      }
    }
  }

  @Test
  void whatAListenerThrowsComesOutAndTheSessionGoesOn() {
    var expected = session.generate("And God said");
    var thrown = new IllegalArgumentException("enough");
    assertEquals(
        thrown,
        assertThrows(
            IllegalArgumentException.class,
            () ->
                session.generate(
                    "And God said",
                    GenerateOptions.greedy(),
                    text -> {
                      throw thrown;
                    })));
    assertEquals(expected, session.generate("And God said"));
  }

  @Test
  void aListenerMayNotUseTheSession() {
    assertThrows(
        IllegalStateException.class,
        () -> session.generate("And", GenerateOptions.greedy(), text -> session.generate("And")));
    assertThrows(
        IllegalStateException.class,
        () -> session.generate("And", GenerateOptions.greedy(), text -> session.close()));
    assertFalse(session.generate("And").ids().isEmpty());
  }

  @Test
  void anInterruptedThreadEndsItsText() {
    var generated =
        session.generate(
            "And", GenerateOptions.greedy(), text -> Thread.currentThread().interrupt());
    assertTrue(Thread.interrupted());
    assertEquals(Finish.STOP, generated.finish());
    assertEquals(1, generated.ids().size());
  }

  @Test
  void whatDoesNotFitIsRefusedWithTheNumbers() {
    var message =
        assertThrows(
                IllegalArgumentException.class,
                () -> session.generate("And", GenerateOptions.greedy().withMaxTokens(1000)))
            .getMessage();
    assertTrue(message.contains("1000 to follow, but the plan has room for 95"), message);
    assertThrows(
        IllegalArgumentException.class,
        () -> session.generate(new int[0], GenerateOptions.greedy(), text -> {}));
    assertThrows(
        IllegalArgumentException.class,
        () -> session.generate(new int[] {1 << 20}, GenerateOptions.greedy(), text -> {}));
    assertThrows(IllegalArgumentException.class, () -> session.score(new int[0]));
  }

  @Test
  void aClosedSessionSaysSo() {
    session.close();
    session.close();
    assertThrows(IllegalStateException.class, () -> session.generate("And"));
    assertThrows(IllegalStateException.class, () -> session.score("And"));
    assertThrows(IllegalStateException.class, session::metrics);
  }

  @Test
  void loadsFromAJarOnTheClassPath() throws Exception {
    var jar = folder.resolve("plans.jar");
    try (var out = new JarOutputStream(Files.newOutputStream(jar))) {
      out.putNextEntry(new JarEntry("plans/small.stowplan"));
      Files.copy(folder.resolve("small.stowplan"), out);
    }
    var expected = session.generate("And God said");
    var before = Thread.currentThread().getContextClassLoader();
    try (var loader = new URLClassLoader(new URL[] {jar.toUri().toURL()}, before)) {
      Thread.currentThread().setContextClassLoader(loader);
      var scratch = folder.resolve("scratch");
      for (var options :
          List.of(
              LoadOptions.defaults().withModel(MODEL),
              LoadOptions.defaults().withModel(MODEL).withScratch(scratch).withThreads(1))) {
        try (var loaded = Stowage.load("plans/small.stowplan", options)) {
          assertEquals(expected, loaded.generate("And God said"));
        }
      }
      assertTrue(Files.isDirectory(scratch.resolve("ssd")));
      assertSays(
          "say where that is with LoadOptions.withModel",
          () -> Stowage.load("plans/small.stowplan", LoadOptions.defaults()));
      assertSays(
          "there is no plan none.stowplan on the class path",
          () -> Stowage.load("/none.stowplan", LoadOptions.defaults()));
    } finally {
      Thread.currentThread().setContextClassLoader(before);
    }
  }

  @Test
  void whatIsMissingOrDamagedIsSaidInOneLine() throws Exception {
    var file = folder.resolve("small.stowplan");
    assertSays(
        "no such folder",
        () -> Stowage.load(file, LoadOptions.defaults().withModel(folder.resolve("nowhere"))));
    assertSays(
        "tiny-llama",
        () ->
            Stowage.load(
                file, LoadOptions.defaults().withModel(MODEL.resolveSibling("tiny-llama"))));
    assertSays("cannot be read", () -> Stowage.load(folder.resolve("none.stowplan")));
    Files.writeString(file, Files.readString(file).replaceFirst("generate 64", "generate 65"));
    assertSays("its digest does not match", () -> Stowage.load(file));
  }

  private static void assertSays(String part, org.junit.jupiter.api.function.Executable load) {
    var message = assertThrows(StowageException.class, load).getMessage();
    assertTrue(message.contains(part), message);
    assertEquals(1, message.lines().count(), message);
  }
}
