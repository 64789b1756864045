package dev.stowage.optimizer;

import dev.stowage.optimizer.Bounds.ServiceLevel;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.Machine;
import dev.stowage.plan.Rate;
import dev.stowage.plan.RateValue;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * What can give way where no placement keeps all of it: a statement of the author's, what a machine
 * can hold, how many sequences run together. Lengths, formats and what devices compute are facts
 * and stay.
 */
public sealed interface Limit {
  /**
   * All bounds that one statement sets: those of its own source, and of sources inside of it, as
   * the shares of a rule that says where a thing lies and nowhere else.
   */
  record Statement(Source source) implements Limit {
    public Statement {
      Objects.requireNonNull(source);
    }

    /** Whether a bound of that source is part of it. */
    public boolean holds(Source bound) {
      return source.equals(bound)
          || source.file().equals(bound.file())
              && source.length() > bound.length()
              && source.offset() <= bound.offset()
              && bound.offset() + bound.length() <= source.offset() + source.length();
    }
  }

  /**
   * What a device can hold.
   *
   * @param devices one, or the members of an array, which are declared together
   */
  record Memory(List<String> devices) implements Limit {
    public Memory {
      devices = List.copyOf(devices);
    }
  }

  /** How many sequences run together, where the author said so. */
  record Batch() implements Limit {}

  /** Far more than any device holds, and far from overflow. */
  long PLENTY = 1L << 52;

  /** Sequences that are tried where the author leaves the choice open. */
  int MOST_SEQUENCES = 512;

  /**
   * All limits of a problem. Those come first that matter only if the rest can be kept: time, then
   * memory, then shares; of a kind, the last that was written comes first. A rule that says where a
   * thing lies and nowhere else is one, with its shares; other shares are each one.
   */
  static List<Limit> of(Problem problem) {
    var limits = new ArrayList<Limit>();
    if (saysBatch(problem)) {
      limits.add(new Batch());
    }
    var bounds = problem.bounds();
    var levels = bounds.levels().reversed();
    add(limits, levels.stream().filter(ServiceLevel::isTime).map(ServiceLevel::source).toList());
    add(limits, levels.stream().map(ServiceLevel::source).toList());
    add(limits, bounds.quality().map(Bounds.Quality::source).stream().toList());
    var arrays = new LinkedHashMap<String, List<String>>();
    for (var device : problem.machine().devices().reversed()) {
      arrays
          .computeIfAbsent(array(device.name()), name -> new ArrayList<>())
          .addFirst(device.name());
    }
    arrays.values().forEach(devices -> limits.add(new Memory(devices)));
    add(limits, bounds.only().reversed().stream().map(Bounds.OnlyOn::source).toList());
    add(limits, bounds.attention().reversed().stream().map(o -> o.source()).toList());
    add(limits, bounds.shares().reversed().stream().map(Bounds.Share::source).toList());
    return limits;
  }

  private static void add(List<Limit> limits, List<Source> sources) {
    for (var source : new LinkedHashSet<>(sources)) {
      if (!keeps(Set.copyOf(limits), source)) {
        limits.add(new Statement(source));
      }
    }
  }

  private static Map<Rate, RateValue> withPlentyOfDram(DeviceSpec device) {
    var rates = new EnumMap<>(device.rates());
    rates.computeIfPresent(Rate.DRAM, (any, dram) -> new RateValue(PLENTY, dram.origin()));
    return rates;
  }

  /** The problem in which nothing else than these limits anything. */
  static Problem only(Problem problem, Collection<Limit> kept) {
    var limits = Set.copyOf(kept);
    var devices = new ArrayList<DeviceSpec>();
    for (var d : problem.machine().devices()) {
      boolean keeps =
          limits.stream().anyMatch(l -> l instanceof Memory m && m.devices().contains(d.name()));
      devices.add(
          keeps
              ? d
              : new DeviceSpec(
                  d.name(), d.kind(), PLENTY, 0, d.path(), d.emulated(), withPlentyOfDram(d)));
    }
    var bounds = problem.bounds();
    return new Problem(
        new Machine(devices, problem.machine().links()),
        problem.shape(),
        problem.kvType(),
        limits.contains(new Batch()) ? problem.workload() : anyBatch(problem),
        problem.stages(),
        problem.computing(),
        problem.order(),
        problem.prefetch(),
        new Bounds(
            bounds.only().stream().filter(o -> keeps(limits, o.source())).toList(),
            bounds.shares().stream().filter(s -> keeps(limits, s.source())).toList(),
            bounds.preferences(),
            bounds.levels().stream().filter(l -> keeps(limits, l.source())).toList(),
            bounds.kvAxis(),
            bounds.attention().stream().filter(a -> keeps(limits, a.source())).toList(),
            bounds.formats(),
            bounds.sparse(),
            bounds.quality().filter(q -> keeps(limits, q.source())),
            bounds.cuts()),
        problem.objective(),
        problem.pageable());
  }

  /** Statements in reading order, then the batch, then memory. */
  static Comparator<Limit> readingOrder() {
    return Comparator.comparing(
            (Limit limit) ->
                switch (limit) {
                  case Statement _ -> 0;
                  case Batch _ -> 1;
                  case Memory _ -> 2;
                })
        .thenComparing(limit -> source(limit).map(Source::file).orElse(""))
        .thenComparing(limit -> source(limit).map(Source::offset).orElse(0));
  }

  private static Optional<Source> source(Limit limit) {
    return limit instanceof Statement(var source) ? Optional.of(source) : Optional.empty();
  }

  private static boolean keeps(Set<Limit> limits, Source source) {
    return limits.stream().anyMatch(l -> l instanceof Statement said && said.holds(source));
  }

  /** {@code inst} of {@code inst[2]}. */
  private static String array(String device) {
    return device.replaceAll("\\[[0-9]+]$", "");
  }

  private static boolean saysBatch(Problem problem) {
    return !anyBatch(problem).sequences().equals(problem.workload().sequences());
  }

  /** More sequences than asked for matter only where a throughput is to be reached. */
  private static Workload anyBatch(Problem problem) {
    var w = problem.workload();
    var asked = w.sequences();
    int least = Math.min(asked.from(), w.microBatches().from());
    boolean more =
        problem.bounds().levels().stream().anyMatch(ServiceLevel.Throughput.class::isInstance);
    int most = w.requests().orElse(MOST_SEQUENCES);
    var open =
        more || asked.from() > least
            ? Choices.range(least, more ? Math.max(asked.last(), most) : asked.last())
            : asked;
    return new Workload(
        w.promptTokens(),
        w.generateTokens(),
        w.meanPromptTokens(),
        w.meanGenerateTokens(),
        w.requests(),
        open,
        w.microBatches(),
        w.prefillChunk(),
        w.staggered());
  }
}
