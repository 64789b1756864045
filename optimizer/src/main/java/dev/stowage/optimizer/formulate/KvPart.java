package dev.stowage.optimizer.formulate;

import dev.stowage.optimizer.KvAxis;
import dev.stowage.optimizer.Problem;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.Range;
import java.util.ArrayList;
import java.util.List;

/**
 * A part of the KV cache that is decided for itself: some tokens in a group of layers.
 *
 * @param tokens those of the prompts, those generated later, or all
 */
public record KvPart(KvGroup group, Range tokens) {
  /** Each group as one part. */
  static List<KvPart> whole(List<KvGroup> groups, BatchShape batch) {
    return groups.stream().map(g -> new KvPart(g, Range.upTo(batch.tokens()))).toList();
  }

  /**
   * Where a group is cut by tokens, those of the prompts, which attention reads from the start, are
   * decided apart from those generated later.
   */
  static List<KvPart> apart(List<KvGroup> groups, BatchShape batch) {
    var parts = new ArrayList<KvPart>();
    for (var group : groups) {
      if (group.axis() != KvAxis.TOKENS || batch.tokens() == batch.promptTokens()) {
        parts.add(new KvPart(group, Range.upTo(batch.tokens())));
      } else {
        parts.add(new KvPart(group, Range.upTo(batch.promptTokens())));
        parts.add(new KvPart(group, new Range(batch.promptTokens(), batch.tokens())));
      }
    }
    return parts;
  }

  /** How many units it can be cut into. */
  public int units(Problem problem, BatchShape batch) {
    return switch (group.axis()) {
      case TOKENS -> tokens.size();
      case HEADS -> problem.shape().kvHeads();
      case SEQUENCES -> batch.sequences();
    };
  }

  /** Its share of the tokens of its layers. */
  double ofTokens(BatchShape batch) {
    return (double) tokens.size() / batch.tokens();
  }

  /** Its share of all the cache. */
  public double ofAll(Problem problem, BatchShape batch) {
    return (double) group.layers() / problem.shape().layers() * ofTokens(batch);
  }

  /** {@code [0..4][prompt]}: what is not all of the cache. */
  String name(BatchShape batch) {
    return group.name()
        + (tokens.size() == batch.tokens() ? "" : tokens.from() == 0 ? "[prompt]" : "[generated]");
  }
}
