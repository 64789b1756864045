package dev.stowage.plan.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever a file holds, opening it ends, soon, in a model or in one clear line. */
class HostileModelTest {
  private static final String[] FRAGMENTS = {
    "-1",
    "0",
    "99999999999999999999",
    "1e999",
    "null",
    "[]",
    "{}",
    "\"\"",
    "true",
    "[[[[",
    "}",
    "\\u0000",
    "\"model.embed_tokens.weight\"",
    ",",
    ":",
    "9223372036854775807",
    "4294967296",
    "\u00ff"
  };

  @TempDir Path folder;

  @Test
  void survivesMutatedFiles() throws Exception {
    long seed = 20260101;
    var random = new Random(seed);
    byte[] config =
        TestModel.llamaConfig(
                "rope_scaling:{\"type\": \"linear\", \"factor\": 2}", "eos_token_id:[2]")
            .getBytes("UTF-8");
    byte[] weights = TestModel.safetensors(TestModel.llamaTensors());
    assertTimeoutPreemptively(
        Duration.ofSeconds(60),
        () -> {
          for (int round = 0; round < 2000; round++) {
            boolean inConfig = random.nextBoolean();
            byte[] mutatedConfig = inConfig ? mutate(config, config.length, random) : config;
            byte[] mutatedWeights = inConfig ? weights : mutate(weights, 1200, random);
            openAndExpectAnAnswer(
                mutatedConfig, mutatedWeights, "seed %d, round %d".formatted(seed, round));
          }
        });
  }

  private void openAndExpectAnAnswer(byte[] config, byte[] weights, String where)
      throws IOException {
    Files.write(folder.resolve("config.json"), config);
    Files.write(folder.resolve("model.safetensors"), weights);
    try {
      ModelFolder.open(folder);
    } catch (ModelFormatException e) {
      assertEquals(1, e.getMessage().lines().count(), where + ": " + e.getMessage());
    } catch (RuntimeException | Error e) {
      fail(where, e);
    }
  }

  /** Flips bytes, splices fragments in, or cuts, within the first {@code reach} bytes. */
  private static byte[] mutate(byte[] original, int reach, Random random) throws IOException {
    byte[] bytes = original.clone();
    int at = random.nextInt(Math.min(reach, bytes.length));
    return switch (random.nextInt(3)) {
      case 0 -> {
        for (int i = 0; i < 1 + random.nextInt(3); i++) {
          bytes[random.nextInt(Math.min(reach, bytes.length))] = (byte) random.nextInt(256);
        }
        yield bytes;
      }
      case 1 -> {
        byte[] fragment = FRAGMENTS[random.nextInt(FRAGMENTS.length)].getBytes("UTF-8");
        int drop = Math.min(random.nextInt(12), bytes.length - at);
        byte[] spliced = new byte[bytes.length - drop + fragment.length];
        System.arraycopy(bytes, 0, spliced, 0, at);
        System.arraycopy(fragment, 0, spliced, at, fragment.length);
        System.arraycopy(bytes, at + drop, spliced, at + fragment.length, bytes.length - at - drop);
        yield spliced;
      }
      default -> Arrays.copyOf(bytes, at);
    };
  }
}
