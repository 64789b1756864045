package dev.stowage.examples;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A model's reference numbers, from an independent float64 implementation over the weights as
 * stored.
 */
record Golden(Path model, List<Scored> score, Greedy greedy) {
  /**
   * @param logprobs of every token but the first
   * @param top ids after the last, likeliest first
   * @param topLogprobs theirs
   */
  record Scored(int[] ids, double[] logprobs, int[] top, double[] topLogprobs) {}

  record Greedy(int[] prompt, List<Integer> output) {}

  static Golden read(Path model) throws IOException {
    var root = new ObjectMapper().readTree(model.resolve("golden.json").toFile());
    var scored = new ArrayList<Scored>();
    for (var node : root.get("score")) {
      var logprobs = node.get("token_logprobs");
      var values = new double[logprobs.size() - 1];
      for (int i = 0; i < values.length; i++) {
        values[i] = logprobs.get(i + 1).asDouble();
      }
      var top = node.get("top");
      var ids = new int[top.size()];
      var topValues = new double[top.size()];
      for (int i = 0; i < ids.length; i++) {
        ids[i] = top.get(i).get(0).asInt();
        topValues[i] = top.get(i).get(1).asDouble();
      }
      scored.add(new Scored(ints(node.get("ids")), values, ids, topValues));
    }
    var node = root.get("greedy");
    var output = new ArrayList<Integer>();
    node.get("continuation").forEach(id -> output.add(id.asInt()));
    var greedy = new Greedy(ints(node.get("ids")), List.copyOf(output));
    return new Golden(model, List.copyOf(scored), greedy);
  }

  private static int[] ints(JsonNode array) {
    var ints = new int[array.size()];
    for (int i = 0; i < ints.length; i++) {
      ints[i] = array.get(i).asInt();
    }
    return ints;
  }
}
