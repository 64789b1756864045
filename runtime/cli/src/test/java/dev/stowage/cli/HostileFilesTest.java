package dev.stowage.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Damaged, hostile and mismatched files: one clear line, exit 3 or 6, no stack trace. */
class HostileFilesTest {
  private static final long SEED = 20_260_101;

  @TempDir Path folder;
  private Path model;

  @BeforeEach
  void copyModel() throws IOException {
    model = Files.createDirectories(folder.resolve("model"));
    try (var files = Files.list(Ran.TINY_OPT)) {
      for (var file : files.toList()) {
        Files.copy(file, model.resolve(file.getFileName().toString()));
      }
    }
    Files.writeString(
        folder.resolve("plan.stow"),
        """
        plan small
        platform here { host ram { memory 512 MiB } }
        model m = hf "model"
        workload w { prompt 16 tok  generate 4 tok  requests 1 }
        maximize throughput
        """);
    Ran.stowage(folder, "compile", "plan.stow").exits(Exit.GOOD);
  }

  /** A source, a compiled plan and a model alone all refuse. */
  private void refused(String what) {
    refusedBy(what, "run", "plan.stow", "-p", "x");
    refusedBy(what, "run", "plan.stowplan", "-p", "x");
    refusedBy(what, "run", "--model", "model", "-p", "x");
  }

  private void refusedBy(String what, String... args) {
    var ran = Ran.stowage(folder, args);
    assertTrue(
        ran.exit() == Exit.PLAN_ERRORS.code() || ran.exit() == Exit.MACHINE_LACKS.code(),
        () -> what + ": " + ran);
    ran.saysOneLine();
  }

  @Test
  void damagedWeightsAreRefused() throws IOException {
    var weights = model.resolve("model.safetensors");
    byte[] good = Files.readAllBytes(weights);
    Files.write(weights, Arrays.copyOf(good, good.length - 1));
    refused("truncated by a byte");
    Files.write(weights, Arrays.copyOf(good, 100));
    refused("truncated in the header");
    Files.write(weights, new byte[0]);
    refused("empty");
    for (long size : new long[] {Long.MAX_VALUE, -1, 1L << 40, good.length + 1L, 0}) {
      byte[] hostile = good.clone();
      ByteBuffer.wrap(hostile).order(ByteOrder.LITTLE_ENDIAN).putLong(0, size);
      Files.write(weights, hostile);
      refused("a header of " + size + " bytes");
    }
    String nested = "[".repeat(200_000);
    byte[] deep = new byte[8 + nested.length()];
    ByteBuffer.wrap(deep).order(ByteOrder.LITTLE_ENDIAN).putLong(nested.length());
    System.arraycopy(nested.getBytes(StandardCharsets.US_ASCII), 0, deep, 8, nested.length());
    Files.write(weights, deep);
    refused("a deep header");
    Files.delete(weights);
    refused("no weights");
  }

  @Test
  void aDamagedConfigurationIsRefused() throws IOException {
    var config = model.resolve("config.json");
    String good = Files.readString(config);
    for (var text :
        List.of(
            "",
            "{",
            "[]",
            "{}",
            "{".repeat(100_000),
            good.replaceFirst("\"hidden_size\"\\s*:\\s*\\d+", "\"hidden_size\": 130"),
            good.replaceFirst("\"hidden_size\"\\s*:\\s*\\d+", "\"hidden_size\": 99999999999"),
            good.replaceFirst("\"num_hidden_layers\"\\s*:\\s*\\d+", "\"num_hidden_layers\": -6"),
            good.replaceFirst("\"model_type\"\\s*:\\s*\"opt\"", "\"model_type\": \"gpt9\""))) {
      Files.writeString(config, text);
      refused("config.json: " + text.substring(0, Math.min(60, text.length())));
    }
  }

  @Test
  void aDamagedOrForeignTokenizerIsRefused() throws IOException {
    var tokenizer = model.resolve("tokenizer.json");
    String good = Files.readString(tokenizer);
    for (var text : List.of("", "{}", "[".repeat(100_000), good.substring(0, good.length() / 2))) {
      Files.writeString(tokenizer, text);
      refused("tokenizer.json: " + text.substring(0, Math.min(60, text.length())));
    }
    Files.writeString(
        tokenizer,
        """
        {"added_tokens": [], "normalizer": null, "pre_tokenizer": null, "post_processor": null,
         "decoder": null, "model": {"type": "BPE", "vocab": {"x": 70000}, "merges": []}}
        """);
    refused("a tokenizer of another model");
    Files.writeString(tokenizer, Files.readString(tokenizer).replace("\"x\": 70000", "\"y\": 3"));
    refused("a tokenizer without the prompt's letter");
    Files.delete(tokenizer);
    refused("no tokenizer");
    var ids = Ran.stowage(folder, "run", "plan.stow", "--prompt-ids", "2,5,7", "--max-tokens", "2");
    ids.exits(Exit.GOOD);
    assertTrue(ids.out().matches("\\d+ \\d+\\R"), ids.out());
  }

  @Test
  void aPlanForAnotherModelIsRefused() throws IOException {
    var other = Ran.TINY_OPT.resolveSibling("tiny-llama");
    for (var name : List.of("config.json", "model.safetensors")) {
      Files.copy(
          other.resolve(name),
          model.resolve(name),
          java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    }
    refusedBy("another model", "run", "plan.stowplan", "-p", "x");
  }

  @Test
  void aDamagedCompiledPlanIsRefused() throws IOException {
    var file = folder.resolve("plan.stowplan");
    byte[] good = Files.readAllBytes(file);
    var random = new Random(SEED);
    for (int round = 0; round < 40; round++) {
      byte[] bad = round % 2 == 0 ? Arrays.copyOf(good, random.nextInt(good.length)) : good.clone();
      if (round % 2 == 1) {
        bad[random.nextInt(bad.length)] ^= (byte) (1 + random.nextInt(255));
      }
      Files.write(file, bad);
      var ran = Ran.stowage(folder, "run", "plan.stowplan", "-p", "x");
      String where = "seed %d round %d: %s".formatted(SEED, round, ran);
      assertEquals(Exit.PLAN_ERRORS.code(), ran.exit(), where);
      ran.saysOneLine();
    }
  }
}
