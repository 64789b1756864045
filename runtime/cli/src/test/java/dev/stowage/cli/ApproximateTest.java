package dev.stowage.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What may change the tokens, from the statement to the run of a model with weights. */
class ApproximateTest {
  private static final String PLAN =
      """
      plan p
      platform laptop {
        host ram  { memory 512 MiB }
        disk ssd  { memory 1 GiB  path "disk" }
        csd  inst { memory 1 GiB  path "csd"  emulated }
      }
      model m = hf "%s"
      workload w { prompt 24 tok  generate 12 tok  batch 2  requests 2 }
      maximize throughput
      """
          .formatted(Ran.TINY_OPT);

  private static final String FEWER_BITS =
      "approximate within perplexity +10% { weights 4-bit group 64  kv 8-bit }\n";

  @TempDir Path folder;

  private Ran run(String statements) throws IOException {
    Files.writeString(folder.resolve("p.stow"), PLAN + statements);
    return Ran.stowage(folder, "run", "p.stow", "--prompt", "A ship carries", "--format", "json");
  }

  private static String place(String home) {
    return "place { weights on ram 100%%  kv on %s 100%% }\n".formatted(home);
  }

  /** Bytes that were set aside on one device for weights or KV. */
  private static long bytes(JsonNode ran, String what) {
    return StreamSupport.stream(ran.get("metrics").get("shares").spliterator(), false)
        .filter(share -> share.get("what").textValue().equals(what))
        .mapToLong(share -> share.get("realised_bytes").longValue())
        .sum();
  }

  @ParameterizedTest
  @ValueSource(strings = {"ram", "ssd", "inst"})
  void fewerBitsRunAndTakeLessRoomWhereverKvLies(String home) throws IOException {
    var exact = run(place(home)).exits(Exit.GOOD).json();
    var stored = run(place(home) + FEWER_BITS).exits(Exit.GOOD).json();

    assertEquals(12, stored.get("results").get(0).get("output_ids").size());
    double weights = bytes(stored, "weights") / (double) bytes(exact, "weights");
    double kv = bytes(stored, "kv") / (double) bytes(exact, "kv");
    assertTrue(weights < 0.4, "weights take %s of what they took".formatted(weights));
    assertTrue(kv < 0.6, "kv takes %s of what it took".formatted(kv));
  }

  @Test
  void weightsInFewerBitsRunFromADiskToo() throws IOException {
    var onDisk = run("place { weights on ssd 100% }\n" + FEWER_BITS).exits(Exit.GOOD).json();
    var inMemory = run("place { weights on ram 100% }\n" + FEWER_BITS).exits(Exit.GOOD).json();

    assertEquals(
        inMemory.get("results").get(0).get("output_ids"),
        onDisk.get("results").get(0).get("output_ids"));
  }

  @Test
  void sparseAttentionRunsOnAnEmulatedDriveAndChangesTokens() throws IOException {
    var dense = run(place("inst")).exits(Exit.GOOD).json();
    var sparse =
        run(place("inst")
                + "approximate within perplexity +1% {"
                + " attention decode on inst sparse top-k 1/8 }\n")
            .exits(Exit.GOOD)
            .json();

    assertEquals(12, sparse.get("results").get(0).get("output_ids").size());
    assertNotEquals(
        dense.get("results").get(0).get("output_ids"),
        sparse.get("results").get(0).get("output_ids"));
  }
}
