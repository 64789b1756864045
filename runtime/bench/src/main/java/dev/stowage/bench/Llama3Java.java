package dev.stowage.bench;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * <a href="https://github.com/mukel/llama3.java">llama3.java</a>, called by reflection: what its
 * own {@code generateTokens} calls. Its vocabulary is not read, as it knows that of Llama 3 only.
 * It runs one sequence at a time, prompts in pieces of as many tokens as its {@code
 * llama.BatchSize} says, 16.
 */
final class Llama3Java implements Peer {
  private static final String PACKAGE = "com.llama4j.";
  private static final int PIECE = Integer.getInteger("llama.BatchSize", 16);

  private final Class<?> llama = Reflected.type(PACKAGE + "Llama");
  private final Object configuration;
  private final Object model;
  private final Object[] sequences;

  /**
   * @param tokens a sequence can have
   */
  Llama3Java(Path file, int sequences, int tokens) throws IOException {
    configuration =
        Reflected.make(
            PACKAGE + "Llama$Configuration",
            RandomGguf.HIDDEN,
            RandomGguf.FEED_FORWARD,
            RandomGguf.LAYERS,
            RandomGguf.HEADS,
            RandomGguf.KV_HEADS,
            RandomGguf.VOCABULARY,
            tokens,
            1e-5f,
            10000f);
    try (var channel = FileChannel.open(file)) {
      var gguf = Reflected.type(PACKAGE + "GGUF");
      var head = Reflected.of(gguf, "loadModel", channel, file.toString());
      var tensors =
          Reflected.of(
              gguf,
              "loadTensors",
              channel,
              Reflected.call(head, "getTensorDataOffset"),
              Reflected.call(head, "getTensorInfos"));
      var weights =
          Reflected.of(
              Reflected.type(PACKAGE + "ModelLoader"), "loadWeights", tensors, configuration);
      model = Reflected.make(PACKAGE + "Llama", configuration, null, weights);
    }
    this.sequences = new Object[sequences];
    clear();
  }

  @Override
  public void clear() {
    Arrays.setAll(sequences, _ -> Reflected.make(PACKAGE + "Llama$State", configuration, PIECE));
  }

  @Override
  public void decode(int[][] ids, int position) {
    for (int sequence = 0; sequence < ids.length; sequence++) {
      var all = ids[sequence];
      for (int at = 0; at < all.length; at += PIECE) {
        int end = Math.min(all.length, at + PIECE);
        Reflected.of(
            llama,
            "forward",
            model,
            sequences[sequence],
            Arrays.copyOfRange(all, at, end),
            position + at,
            end == all.length);
      }
    }
  }

  @Override
  public void close() {
    // its memory is the process's
  }
}
