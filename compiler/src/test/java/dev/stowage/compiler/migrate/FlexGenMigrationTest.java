package dev.stowage.compiler.migrate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** FlexGen's flags become a plan, and a plan's policy becomes FlexGen's flags. */
class FlexGenMigrationTest {
  private static Imported read(String flags) {
    return new FlexGenImporter().read(List.of(flags.split(" ")), Hardware.T4, Path.of(""));
  }

  private static Compilation.Compiled compiled(String text, String why) {
    var compilation = Compiler.compile(text, Path.of("imported.stow"), Settings.none());
    return assertInstanceOf(
        Compilation.Compiled.class,
        compilation,
        () -> why + "\n" + text + compilation.diagnostics());
  }

  private static String exported(String text, String why) {
    var compiled = compiled(text, why);
    return Exports.of("flexgen", compiled.plan(), compiled.schedule());
  }

  @Test
  void everyStatementSaysWhichFlagItComesFrom() {
    assertEquals(
        """
        // Imported from FlexGen's flags. Each comment says where the next statement comes from.
        plan imported_opt_30b

        import "lib:nvidia/t4"
        import "lib:generic/host"

        // No flag says what the machine is: this is assumed
        platform box {
          gpu  gpu0 = nvidia.T4    { reserve 1 GiB }
          host ram  = generic.DDR4 { memory 200 GiB  reserve 10% }
          disk nvme = generic.NVMe { memory 1.5 TB  path "offload" }
        }

        // --model
        model m = shape opt-30b
        // --prompt-len, --gen-len, --gpu-batch-size times --num-gpu-batches, --num-gpu-batches
        workload w { prompt 512 tok  generate 32 tok  batch 144  micro-batches 3 }

        // --percent 20 50 0 100 0 100 (disk has the rest of each pair)
        place {
          weights     on gpu0 20%, ram 50%, nvme 30%
          kv          on ram 100%
          activations on ram 100%
        }

        // --cpu-cache-compute
        schedule {
          attention decode on ram when kv on ram
        }

        // --compress-weight (4 bits, groups of 64); FlexGen asks for no budget: this one is assumed
        approximate within perplexity +1% {
          weights 4-bit group 64
        }

        // FlexGen's purpose
        maximize throughput

        // Not carried over:
        // --model facebook/opt-30b: planned as a shape; to run it, write model m = hf "FOLDER" with the weights' folder
        // --percent 20 50 0 100 0 100: FlexGen rounds weights to whole tensors, so that few shares are as asked (20 becomes 8.3); Stowage places rows and keeps what is written
        // --debug-mode fewer_batch: a way to measure, no part of a plan; see 'stowage explain'
        // --frob 3: not known here; the plan does not carry it
        """,
        read("--model facebook/opt-30b --percent 20 50 0 100 0 100 --gpu-batch-size 48"
                + " --num-gpu-batches 3 --compress-weight --cpu --debug fewer_batch --frob 3")
            .planText());
  }

  @Test
  void everyPolicyOfWholePercentsComesBackAsItWas() {
    long seed = 2303_06865L;
    var random = new Random(seed);
    for (int i = 0; i < 12; i++) {
      int wg = random.nextInt(101);
      int wc = random.nextInt(101 - wg);
      int cg = random.nextInt(101);
      int cc = random.nextInt(101 - cg);
      String hidden = random.nextBoolean() ? "100 0" : "0 100";
      String flags =
          "--model facebook/opt-125m --prompt-len 64 --gen-len 8 --gpu-batch-size %d --num-gpu-batches %d --percent %d %d %d %d %s"
              .formatted(4 + random.nextInt(29), 2 + random.nextInt(4), wg, wc, cg, cc, hidden);
      flags += random.nextBoolean() ? " --compress-weight" : "";
      flags += random.nextBoolean() ? " --compress-cache" : "";
      String why = "seed " + seed + ", plan " + i + ": " + flags;
      var back = exported(read(flags).planText(), why);
      var words = " " + back.replaceAll("\\s*\\\\\n\\s*", " ").strip() + " ";
      for (var flag : flags.split(" (?=--)")) {
        assertTrue(
            words.contains(" " + flag + " "), () -> why + "\nhas no " + flag + " in\n" + back);
      }
      assertEquals(flags.contains("compress"), words.contains("compress"), why);
    }
  }

  @Test
  void theMidpointRuleHasSevenShares() {
    var shares =
        java.util.stream.IntStream.rangeClosed(0, 100)
            .mapToObj(p -> "%.1f".formatted(100 * FlexGenExport.realised(p)))
            .distinct()
            .toList();
    assertEquals(List.of("0.0", "8.3", "41.7", "50.0", "58.3", "91.7", "100.0"), shares);
    assertEquals(1.0 / 12, FlexGenExport.realised(20), 1e-12);
    assertEquals(1.0 / 12, FlexGenExport.realised(25), 1e-12);
    assertEquals(5.0 / 12, FlexGenExport.realised(26), 1e-12);
  }

  @Test
  void whatIsWrongIsSaidInOneLine() {
    for (var flags :
        List.of(
            "--percent 20 80 0 100 0",
            "--percent 20 81 0 100 0 100",
            "--percent 20 x 0 100 0 100",
            "--percent -1 80 0 100 0 100",
            "--gpu-batch-size 0",
            "--gpu-batch-size 1e9",
            "--gpu-batch-size 99999999999999999999",
            "--gpu-batch-size 1048576 --num-gpu-batches 1048576",
            "--prompt-len",
            "--attn-sparsity 0",
            "--overlap maybe",
            "--co",
            "--model facebook/opt-31b")) {
      var e = assertThrows(ImportException.class, () -> read(flags), flags);
      assertEquals(1, e.getMessage().lines().count(), e.getMessage());
    }
  }

  @Test
  void noWordOfTheCommandLineLeavesItsCommentOrItsString() {
    var hostile = "x\n}\nplan other\u2028maximize throughput";
    var words =
        List.of(
            "--percent",
            "0",
            "0",
            "0",
            "100",
            "0",
            "100",
            "--model",
            "opt-125m",
            "--frob",
            hostile,
            "--offload-dir",
            "a\" } \\");
    var imported = new FlexGenImporter().read(words, Hardware.T4, Path.of(""));
    assertTrue(
        imported.notes().stream().anyMatch(n -> n.flag().startsWith("--frob x } plan other")));
    compiled(imported.planText(), "hostile");
    assertThrows(
        ImportException.class,
        () ->
            new FlexGenImporter()
                .read(
                    List.of("--percent", "0", "0", "0", "0", "0", "100", "--offload-dir", hostile),
                    Hardware.T4,
                    Path.of("")));
  }
}
