package dev.stowage.examples;

import dev.stowage.compiler.lower.Draft;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Schedule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Map;
import java.util.Random;

/** What tests of random placements draw. */
final class Drawn {
  private Drawn() {}

  /** Shares of some devices, in their order; they sum to one. */
  static Map<String, Double> shares(Random random, String... devices) {
    var cuts = new double[devices.length + 1];
    cuts[devices.length] = 1;
    for (int i = 1; i < devices.length; i++) {
      cuts[i] = random.nextDouble();
    }
    Arrays.sort(cuts);
    var shares = new Object[2 * devices.length];
    for (int i = 0; i < devices.length; i++) {
      shares[2 * i] = devices[i];
      shares[2 * i + 1] = cuts[i + 1] - cuts[i];
    }
    return Draft.shares(shares);
  }

  /** An order for a plan of one stage. */
  static Schedule.Order order(Random random, ExecutablePlan plan) {
    return switch (random.nextInt(3)) {
      case 0 -> new Schedule.Order.ZigZag();
      case 1 -> new Schedule.Order.RowByRow();
      default -> word(random, plan);
    };
  }

  /** Micro-batches in any order, each as often as the plan has stops. */
  static Schedule.Order.Word word(Random random, ExecutablePlan plan) {
    var word = new ArrayList<Integer>();
    for (int i = 0; i < plan.stops() * plan.batch().microBatches(); i++) {
      word.add(i % plan.batch().microBatches());
    }
    Collections.shuffle(word, random);
    return new Schedule.Order.Word(word);
  }
}
