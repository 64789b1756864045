package dev.stowage.compiler.resolve;

import dev.stowage.compiler.Settings;
import dev.stowage.compiler.resolve.Values.Allowed;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Distribution;
import dev.stowage.dsl.script.PercentileName;
import dev.stowage.dsl.script.WorkloadItem;
import dev.stowage.optimizer.Choices;
import dev.stowage.optimizer.Workload;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What work there is. Lengths may vary: memory is set aside for the largest, time is counted for
 * the mean, which is that of lengths spread evenly between the percentiles, from 0 on:
 *
 * <pre>
 * mean = 0.5 · (0 + p50)/2 + 0.45 · (p50 + p95)/2 + 0.05 · (p95 + max)/2
 * </pre>
 *
 * and likewise with p99, or without p95.
 */
final class Workloads {
  private static final int DEFAULT_PROMPT = 128;
  private static final int DEFAULT_GENERATE = 64;
  private static final int MOST_SEQUENCES = 512;
  private static final int MOST_MICRO_BATCHES = 8;

  /** Smallest part of a prompt that a sweep takes: less would leave compute idle. */
  private static final int LEAST_CHUNK = 64;

  private record Length(int longest, int mean) {}

  private final Scope scope;
  private final Settings settings;
  private final SourceSpan planSpan;
  private final Map<String, Allowed> set;
  private final Map<String, WorkloadItem> items = new HashMap<>();

  /**
   * @param set items that a variant or test replaces
   */
  Workloads(Scope scope, Settings settings, SourceSpan planSpan, Map<String, Allowed> set) {
    this.scope = scope;
    this.settings = settings;
    this.planSpan = planSpan;
    this.set = set;
  }

  /**
   * @param wholeBlock what said that the block holds all requests, if anything did
   * @param diagonal what said that requests begin one after another, if anything did
   */
  Workload workload(
      List<dev.stowage.dsl.script.Workload> workloads,
      Optional<SourceSpan> wholeBlock,
      Optional<Resolved.Diagonal> diagonal) {
    for (var workload : workloads) {
      for (var item : workload.getItems()) {
        var before = items.put(item.getName(), item);
        if (before != null) {
          scope.report(Messages.twice(Spans.of(item), item.getName(), Spans.of(before)));
        }
      }
    }
    int positions = scope.shape().maxPositions();
    var generated = length("generate", Math.min(DEFAULT_GENERATE, Math.max(1, positions / 4)));
    int generate = generated.longest();
    var prompted = length("prompt", Math.max(1, Math.min(DEFAULT_PROMPT, positions - generate)));
    int prompt = prompted.longest();
    if (settings.longestPrompt().isPresent()) {
      prompt = Math.max(prompt, settings.longestPrompt().getAsInt());
      generate = Math.max(1, Math.min(generate, positions - prompt));
    }
    if ((long) prompt + generate > (long) positions + 1) {
      scope.report(Messages.beyondPositions(where("prompt"), prompt, generate, positions));
    }
    var requests = has("requests") ? OptionalInt.of(one("requests")) : OptionalInt.empty();
    int blocks = diagonal.isPresent() ? 2 : 1; // one begins while another ends
    int most = Math.max(1, requests.isPresent() ? requests.getAsInt() / blocks : MOST_SEQUENCES);
    var sequences = choices("batch", 1, most);
    boolean staggered =
        diagonal.isPresent() && outnumbered(diagonal.get(), requests, sequences.from());
    if (wholeBlock.isPresent()) {
      sequences = all(wholeBlock.get(), requests, sequences);
    }
    var microBatches = choices("micro-batches", 1, Math.min(MOST_MICRO_BATCHES, sequences.last()));
    if (microBatches.from() > sequences.last()) {
      scope.report(
          Messages.moreMicroBatches(where("micro-batches"), microBatches.from(), sequences.last()));
      microBatches = Choices.fixed(1);
    }
    boolean longer = settings.longestPrompt().isPresent();
    return new Workload(
        Math.max(1, prompt),
        Math.max(1, generate),
        longer ? Math.max(1, prompt) : prompted.mean(),
        Math.clamp(generated.mean(), 1, Math.max(1, generate)),
        requests,
        sequences,
        microBatches,
        Choices.range(Math.clamp(prompt, 1, LEAST_CHUNK), Math.max(1, prompt)),
        staggered);
  }

  /** Requests begin one after another only while more of them wait than the block has places. */
  private boolean outnumbered(Resolved.Diagonal diagonal, OptionalInt requests, int sequences) {
    if (requests.isEmpty() || requests.getAsInt() > sequences) {
      return true;
    }
    scope.report(
        Messages.actsOnNothing(
            diagonal.span(),
            diagonal.text(),
            "A block of %d takes all %d requests at once."
                .formatted(sequences, requests.getAsInt())));
    return false;
  }

  private boolean has(String name) {
    return items.containsKey(name) || set.containsKey(name);
  }

  /** Whether the value stands in the workload itself, for good. */
  private boolean isWritten(String name) {
    return items.containsKey(name)
        && !set.containsKey(name)
        && !Values.namesParameter(items.get(name));
  }

  private SourceSpan where(String name) {
    return items.containsKey(name) ? Spans.of(items.get(name)) : planSpan;
  }

  private Optional<Allowed> allowed(String name) {
    if (set.containsKey(name)) {
      return Optional.of(set.get(name));
    }
    return Optional.ofNullable(items.get(name)).map(item -> scope.values().of(item.getValue()));
  }

  private Length length(String name, int otherwise) {
    if (!has(name)) {
      return new Length(otherwise, otherwise);
    }
    var distribution = set.containsKey(name) ? null : items.get(name).getDistribution();
    if (distribution == null) {
      int one = one(name);
      if (one == otherwise && isWritten(name)) {
        scope.report(Messages.isDefault(where(name), Scope.text(items.get(name))));
      }
      return new Length(one, one);
    }
    return length(name, distribution);
  }

  private Length length(String name, Distribution distribution) {
    var points = new EnumMap<PercentileName, Double>(PercentileName.class);
    for (var point : distribution.getPoints()) {
      points.put(point.getAt(), scope.values().one(point.getValue()));
    }
    double longest = points.getOrDefault(PercentileName.MAX, 0.0);
    if (!isCount(longest, 1)) {
      scope.report(Messages.badCount(where(name), name, "of tokens from 1 to 16777216"));
      return new Length(1, 1);
    }
    double mean = 0;
    double from = 0;
    double length = 0;
    for (var point : points.entrySet()) {
      double to =
          switch (point.getKey()) {
            case P50 -> 0.5;
            case P95 -> 0.95;
            case P99 -> 0.99;
            case MAX -> 1;
          };
      mean += (to - from) * (length + point.getValue()) / 2;
      from = to;
      length = point.getValue();
    }
    return new Length((int) longest, (int) Math.clamp(Math.round(mean), 1, (long) longest));
  }

  private int one(String name) {
    var allowed = allowed(name).orElseThrow();
    if (!allowed.isOne() || !isCount(allowed.low(), 1)) {
      scope.report(Messages.badCount(where(name), name, "from 1 to 16777216"));
      return 1;
    }
    return (int) allowed.low();
  }

  private Choices choices(String name, int from, int to) {
    if (!has(name)) {
      return Choices.range(from, to);
    }
    var allowed = allowed(name).orElseThrow();
    double low = Double.isInfinite(allowed.low()) ? from : allowed.low();
    double high = Double.isInfinite(allowed.high()) ? Math.max(to, low) : allowed.high();
    double step = allowed.step().orElse(1);
    if (!isCount(low, 1) || !isCount(high, 1) || !isCount(step, 1) || high < low) {
      scope.report(Messages.badCount(where(name), name, "from 1 to 16777216"));
      return Choices.range(from, to);
    }
    if (low == from && high == to && step == 1 && isWritten(name)) {
      scope.report(Messages.isDefault(where(name), name));
    }
    return new Choices((int) low, (int) high, (int) step);
  }

  /** One block of all requests. */
  private Choices all(SourceSpan order, OptionalInt requests, Choices sequences) {
    if (requests.isEmpty() || !sequences.allows(requests.getAsInt())) {
      scope.report(
          Messages.columnNeedsAll(
              order,
              requests.isEmpty()
                  ? "the workload does not say how many there are"
                  : "the batch cannot be " + requests.getAsInt()));
      return sequences;
    }
    return Choices.fixed(requests.getAsInt());
  }

  private static boolean isCount(double value, int least) {
    return value == Math.rint(value) && value >= least && value <= 1 << 24;
  }
}
