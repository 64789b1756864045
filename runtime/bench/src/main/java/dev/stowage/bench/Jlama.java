package dev.stowage.bench;

import dev.stowage.calibrate.RandomModel;
import dev.stowage.plan.ElementType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.Optional;
import java.util.UUID;

/**
 * <a href="https://github.com/tjake/Jlama">Jlama</a>, called by reflection: what its own {@code
 * generate} calls. It reads safetensors, and runs one sequence at a time.
 */
final class Jlama implements Peer {
  private static final String PACKAGE = "com.github.tjake.jlama.";
  private static final String TYPES = PACKAGE + "safetensors.DType";

  private final Object model;
  private final Object logits;
  private final Object[] sequences;

  /**
   * @param weights a folder that {@link #weights} made
   * @param format BF16 as the weights lie there; Q4_0 for Jlama's own format of 4 bits in blocks of
   *     32, which it makes of them beside that folder
   */
  Jlama(Path weights, RandomGguf.Format format, int sequences, int threads) throws IOException {
    var files =
        switch (format) {
          case BF16 -> weights;
          case Q4_0 -> quantized(weights);
          case F32, F16, Q8_0, Q4_K, Q6_K ->
              throw new IllegalArgumentException("Jlama is measured in BF16 and Q4_0");
        };
    model =
        Reflected.of(
            Reflected.type(PACKAGE + "model.ModelSupport"),
            "loadModel",
            files.toFile(),
            null,
            Reflected.constant(TYPES, "F32"),
            Reflected.constant(TYPES, "I8"), // of activations, BF16 where weights are
            Optional.empty(),
            Optional.of(threads));
    logits = Reflected.call(model, "makeDenseTensor", new int[] {RandomGguf.VOCABULARY});
    this.sequences = new Object[sequences];
    clear();
  }

  /** A folder with random weights as Jlama reads them; made if it is not there yet. */
  static Path weights(Path folder) throws IOException {
    var made = folder.resolve("random-1.1b-bf16");
    if (!Files.exists(made.resolve("README.md"))) {
      new RandomModel(
              RandomGguf.LAYERS,
              RandomGguf.HIDDEN,
              RandomGguf.HEADS,
              RandomGguf.KV_HEADS,
              RandomGguf.FEED_FORWARD,
              RandomGguf.VOCABULARY,
              RandomGguf.POSITIONS,
              ElementType.BF16)
          .write(made);
      var config = made.resolve("config.json");
      Files.writeString(
          config,
          Files.readString(config)
              .replaceFirst("\\{", "{\"bos_token_id\": 1, \"eos_token_id\": 2, "));
      Files.writeString(
          made.resolve("tokenizer.json"),
          """
          {"model": {"type": "BPE", "unk_token": "<unk>", "byte_fallback": false,
                     "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2}, "merges": []}}
          """);
      Files.writeString(made.resolve("README.md"), "random weights\n"); // Jlama copies it
    }
    return made;
  }

  private static Path quantized(Path weights) throws IOException {
    var made = weights.resolveSibling("random-1.1b-jlama-q4");
    if (!Files.exists(made)) {
      var unfinished = Files.createTempDirectory(weights.getParent(), "jlama-q4");
      Reflected.of(
          Reflected.type(PACKAGE + "safetensors.SafeTensorSupport"),
          "quantizeModel",
          weights,
          Reflected.constant(TYPES, "Q4"),
          new String[] {"norm"}, // as its command does
          null,
          Optional.of(unfinished));
      Files.move(unfinished, made, StandardCopyOption.ATOMIC_MOVE);
    }
    return made;
  }

  @Override
  public void clear() {
    for (var sequence : sequences) {
      if (sequence != null) {
        Reflected.call(sequence, "close");
      }
    }
    var cache = Reflected.make(PACKAGE + "tensor.KvBufferCache", model);
    Arrays.setAll(sequences, _ -> Reflected.call(cache, "getKvBuffer", UUID.randomUUID()));
  }

  @Override
  public void decode(int[][] ids, int position) {
    for (int sequence = 0; sequence < ids.length; sequence++) {
      var tokens = ids[sequence];
      var out =
          tokens.length == 1
              ? Reflected.call(
                  model, "forward", tokens[0], position, sequences[sequence], Optional.empty())
              : Reflected.call(model, "batchForward", tokens, position, sequences[sequence]);
      int rows = (int) Reflected.call(Reflected.call(out, "shape"), "first");
      var last = Reflected.call(out, "slice", new int[] {rows - 1});
      Reflected.call(model, "sample", last, 0f, 0f, logits);
      Reflected.call(out, "close");
    }
  }

  @Override
  public void close() {
    Reflected.call(model, "close");
  }
}
