package dev.stowage.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import dev.stowage.compiler.test.PlanTests;
import dev.stowage.dsl.StowParser;
import dev.stowage.plan.ModelSource;
import dev.stowage.plan.text.StowPlan;
import dev.stowage.plan.text.StowPlanFile;
import dev.stowage.plan.verify.PlanVerifier;
import dev.stowage.plan.verify.ScheduleVerifier;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Programs at random, over all devices there are without special hardware and most of what the
 * language can say: each that is accepted compiles to a plan that holds together and makes tokens,
 * or is told why it cannot be kept. Set {@code stowage.seed} to try others.
 */
class RandomProgramsTest {
  private static final long SEED = Long.getLong("stowage.seed", 20_261_121);
  private static final int PROGRAMS = Integer.getInteger("stowage.programs", 60);
  private static final long NANOS = 40_000_000_000L;

  /** What these programs may say that cannot be kept together: nothing else refuses one. */
  private static final Set<String> CONTRADICTIONS = Set.of("SW134", "SW140", "SW510", "SW511");

  private static final Path MODELS = Path.of("models").toAbsolutePath();

  @TempDir Path folder;

  @Test
  void whateverIsAcceptedCompilesAndMakesTokens() throws Exception {
    long start = System.nanoTime();
    int tried = 0;
    int ran = 0;
    int infeasible = 0;
    var refused = new TreeMap<String, Integer>();
    while (tried < PROGRAMS && System.nanoTime() - start < NANOS) {
      long seed = SEED + tried++;
      var program = new Program(new Random(seed));
      var said = "seed " + seed + ", " + program.settings() + "\n" + program.text();
      try {
        switch (compile(program)) {
          case Compilation.Compiled compiled -> {
            runs(compiled, seed);
            ran++;
          }
          case Compilation.Infeasible(_, var diagnostics) -> {
            assertTrue(
                diagnostics.stream().anyMatch(d -> d.code().startsWith("SW3")),
                () -> said + diagnostics);
            infeasible++;
          }
          case Compilation.Erroneous(var diagnostics) -> {
            var errors = diagnostics.stream().filter(d -> d.isError()).toList();
            assertFalse(errors.isEmpty(), said);
            for (var error : errors) {
              assertTrue(CONTRADICTIONS.contains(error.code()), () -> said + errors);
              refused.merge(error.code() + " " + error.message(), 1, Integer::sum);
            }
          }
        }
      } catch (Exception | AssertionError e) {
        throw new AssertionError(said, e);
      }
    }
    refused.forEach((why, times) -> System.out.printf("  refused %d: %s%n", times, why));
    System.out.printf(
        "random programs from seed %d: %d tried, %d executed, %d infeasible%n",
        SEED, tried, ran, infeasible);
    assertTrue(2 * ran >= tried, ran + " of " + tried + " were executed, seed " + SEED);
  }

  private Compilation compile(Program program) {
    var file = folder.resolve("random.stow");
    var text = program.text();
    var laidOut = StowParser.format(text);
    assertEquals(laidOut, laidOut.flatMap(StowParser::format));
    var compilation = Compiler.compile(text, file, program.settings());
    if (!(compilation instanceof Compilation.Erroneous)) {
      assertFalse(PlanTests.run(text, file, program.settings()).hasErrors());
    }
    return compilation;
  }

  private void runs(Compilation.Compiled compiled, long seed) throws Exception {
    var plan = compiled.plan();
    assertEquals(List.of(), PlanVerifier.verify(plan));
    assertEquals(List.of(), ScheduleVerifier.verify(plan, compiled.schedule()));
    var stowPlan = new StowPlan(plan, compiled.schedule());
    var bytes = StowPlanFile.bytes(stowPlan);
    assertEquals(stowPlan, StowPlanFile.read(new ByteArrayInputStream(bytes), "random"));
    var random = new Random(seed);
    var requests = new ArrayList<Request>();
    int batch = plan.batch().sequences() * plan.batch().microBatches();
    for (int i = 0, count = 1 + random.nextInt(Math.min(batch + 1, 4)); i < count; i++) {
      var prompt = random.ints(1 + random.nextInt(plan.batch().promptTokens()), 3, 1000).toArray();
      int most = 1 + random.nextInt(Math.min(6, plan.batch().generateTokens()));
      requests.add(new Request(prompt, most, Set.of(), Sampling.GREEDY));
    }
    var base = Files.createDirectories(folder.resolve("run" + seed));
    var model = Path.of(((ModelSource.HuggingFace) plan.source()).path());
    try (var session = Session.open(plan, compiled.schedule(), base, model, 2)) {
      var completions = session.generate(requests, (request, id) -> true);
      for (int i = 0; i < requests.size(); i++) {
        var output = completions.get(i).output();
        assertEquals(requests.get(i).maxTokens(), output.size());
        assertTrue(
            output.stream().allMatch(id -> id >= 0 && id < plan.shape().vocabulary()),
            output::toString);
      }
    }
  }

  /** One program, and what it is compiled with. */
  private static final class Program {
    private final Random random;
    private final int drives;
    private final boolean disk;
    private final boolean approximate;
    private final String text;
    private final Settings settings;

    Program(Random random) {
      this.random = random;
      drives = random.nextInt(3);
      disk = often();
      approximate = random.nextInt(3) == 0;
      boolean variant = random.nextInt(4) == 0;
      text = write(variant);
      settings =
          new Settings(
              often() ? Map.of() : Map.of("slots", String.valueOf(1 + random.nextInt(8))),
              variant && often() ? Optional.of("other") : Optional.empty(),
              OptionalInt.empty());
    }

    String text() {
      return text;
    }

    Settings settings() {
      return settings;
    }

    private String write(boolean variant) {
      var out = new StringBuilder("plan random\n\nparam slots : count = 4 in 1..16\n");
      if (often()) {
        out.append("param least : percent = %d%% in 0%%..100%%\n".formatted(random.nextInt(30)));
      }
      boolean least = out.indexOf("least") >= 0;
      out.append(
          "\nplatform box {\n  host ram { memory %s%s }\n"
              .formatted(
                  pick("256 MiB", "64 MiB", "16 MiB", "6 MiB"),
                  pick("", "  reserve 10%", "  reserve 64 KiB")));
      if (disk) {
        out.append("  disk ssd { memory 1 GiB  path \"disk\"  read 2 GB/s  write 1 GB/s }\n");
      }
      if (drives > 0) {
        out.append(
            "  csd inst%s { memory 128 MiB  path \"csd\"  emulated }\n"
                .formatted(drives > 1 ? "[" + drives + "]" : ""));
      }
      out.append(
          "}\n\nmodel m = hf \"%s\"\n".formatted(MODELS.resolve(pick("tiny-opt", "tiny-llama"))));
      out.append(
          "workload w { prompt %d tok  generate %d tok  batch %s  micro-batches %s%s }\n\n"
              .formatted(
                  4 + random.nextInt(40),
                  2 + random.nextInt(30),
                  pick("slots", "slots", "auto in 1..6", "4"),
                  pick("1", "2", "auto in 1..3"),
                  often() ? "  requests %d".formatted(1 + random.nextInt(20)) : ""));
      out.append(place(least));
      if (often()) {
        out.append(schedule());
      }
      if (approximate) {
        out.append(approximation());
      }
      out.append(pick("maximize throughput", "minimize latency(block)", "minimize peak(ram)"));
      out.append(
          pick(
              "",
              "",
              " subject to latency(block) <= 10 h",
              " subject to { peak(ram) <= 200 MiB }"));
      out.append(pick("\n", "\n", "\nthen minimize peak(ram)\n"));
      out.append("\nexpect throughput(predicted) > 0 tok/s\n");
      if (variant) {
        out.append(
            "\nvariant other {\n  override workload { prompt 8 tok  generate 5 tok  batch 2 }\n");
        out.append(often() ? "  ram.memory = 200 MiB\n" : "").append("}\n");
      }
      if (often()) {
        out.append(
            "\ntest \"a smaller batch\" with { slots = 2 } {\n  expect throughput(predicted) > 0 tok/s\n}\n");
      }
      return out.toString();
    }

    private String place(boolean least) {
      var weights = devices(false);
      var cache = devices(true);
      var out = new StringBuilder("place {\n  weights on ");
      out.append(least ? bounded("ram >= least", weights) : shares(weights)).append('\n');
      if (random.nextInt(4) == 0 && weights.size() > 1) {
        out.append(
            "  weights of %s on ram 100%%\n"
                .formatted(
                    pick(
                        "layers[0]",
                        "layers[1..2]",
                        "embed",
                        "layers[*].attn",
                        "layers[0..1].mlp")));
      }
      boolean apart = random.nextInt(3) == 0;
      out.append(apart ? "  kv of layers[1..2] on " : "  kv on ").append(cached(cache));
      if (apart) {
        out.append("  kv of layers[0] on ").append(cached(cache));
      }
      if (often()) {
        out.append(
            "  prefer kv on %s >= %d%% weight %d\n"
                .formatted(cache.getLast(), 10 + random.nextInt(80), 1 + random.nextInt(5)));
      }
      return out.append("}\n").toString();
    }

    private String cached(List<String> devices) {
      return shares(devices)
          + pick("", " split auto", " split heads", " split tokens", " split sequences")
          + "\n";
    }

    private List<String> devices(boolean withDrives) {
      var devices = new ArrayList<>(List.of("ram"));
      if (disk) {
        devices.add("ssd");
      }
      if (withDrives && drives > 0) {
        devices.add("inst");
      }
      return devices;
    }

    private static String bounded(String first, List<String> devices) {
      var out = new StringBuilder(first);
      devices.stream().skip(1).forEach(device -> out.append(", ").append(device).append(" auto"));
      return out.toString();
    }

    private String shares(List<String> devices) {
      var out = new ArrayList<String>();
      int left = 100;
      boolean exact = random.nextInt(3) == 0;
      for (int i = 0; i < devices.size(); i++) {
        boolean last = i == devices.size() - 1;
        int share = last ? left : random.nextInt(left + 1);
        left -= share;
        out.add(
            devices.get(i)
                + " "
                + (exact
                    ? last ? pick("rest", share + "%") : share + "%"
                    : devices.size() == 1
                        ? "auto"
                        : pick("auto", "auto", ">= 10%", "5%..100%", "<= 90%")));
      }
      return String.join(", ", out);
    }

    private String schedule() {
      var out = new StringBuilder("schedule {\n");
      out.append(pick("", "  order zig-zag\n", "  order row\n"));
      out.append(pick("", "  overlap all\n", "  overlap none\n"));
      out.append(
          pick("", "  prefetch 0 layers\n", "  prefetch 1 layer\n", "  prefetch 2 layers\n"));
      if (random.nextInt(3) == 0) {
        out.append("  attention prefill on ram\n");
      }
      if (drives > 0 && !approximate && random.nextInt(3) == 0) {
        out.append(
            pick(
                "  attention decode on inst when kv on inst\n",
                "  attention decode auto\n",
                "  attention decode on inst dense when kv on inst\n"));
      }
      if (drives > 0 && random.nextInt(3) == 0) {
        out.append("  kv write-back every %d tok\n".formatted(1 + random.nextInt(16)));
      }
      return out.append("}\n").toString();
    }

    private String approximation() {
      var out =
          new StringBuilder(
              "approximate within perplexity +%d%% {\n".formatted(20 + random.nextInt(80)));
      out.append(
          pick(
              "",
              "  weights 8-bit\n",
              "  weights 4-bit group 64\n",
              "  weights of layers[1..2] 8-bit group 64\n"));
      out.append(pick("", "  kv 8-bit\n", "  kv 4-bit group 64\n"));
      if (drives > 0 && often()) {
        out.append(
            "  attention decode on inst sparse top-k 1/%d\n".formatted(2 << random.nextInt(3)));
      } else if (!disk && drives == 0 && often()) {
        out.append(
            "  attention decode on ram sparse top-k 1/%d\n".formatted(2 << random.nextInt(3)));
      } else {
        out.append("  weights of head 8-bit\n");
      }
      return out.append("}\n").toString();
    }

    private boolean often() {
      return random.nextBoolean();
    }

    private String pick(String... values) {
      return values[random.nextInt(values.length)];
    }
  }
}
