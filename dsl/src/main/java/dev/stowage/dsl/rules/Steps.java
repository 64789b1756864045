package dev.stowage.dsl.rules;

import dev.stowage.dsl.Vocabulary;
import dev.stowage.dsl.script.Segment;
import dev.stowage.dsl.script.Selector;
import java.util.ArrayList;
import java.util.List;

/** The words of a selector, with what may stand in the place of each. */
final class Steps {
  private Steps() {}

  /**
   * @param due what the word may be
   * @param of what such a word is, for people
   */
  record Step(Segment segment, List<String> due, String of) {
    boolean isKnown() {
      return due.contains(segment.getName());
    }
  }

  /** The words up to the first that is unknown, that one too; none that could not be read. */
  static List<Step> of(Selector selector) {
    var steps = new ArrayList<Step>();
    List<String> due = Vocabulary.MODEL_PARTS;
    String of = "part of a model";
    for (Segment segment : selector.getSegments()) {
      if (segment.getName() == null) {
        return steps;
      }
      var step = new Step(segment, due, of);
      steps.add(step);
      if (!step.isKnown()) {
        return steps;
      }
      of = "part of " + segment.getName();
      due =
          segment.getName().equals("layers")
              ? List.copyOf(Vocabulary.LAYER_PARTS.keySet())
              : due == Vocabulary.MODEL_PARTS
                  ? List.of()
                  : Vocabulary.LAYER_PARTS.getOrDefault(segment.getName(), List.of());
    }
    return steps;
  }

  /** The words that mean something. */
  static List<Segment> known(Selector selector) {
    return of(selector).stream().filter(Step::isKnown).map(Step::segment).toList();
  }
}
