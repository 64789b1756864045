package dev.stowage.optimizer;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.Sparsity;
import dev.stowage.plan.Weight;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What the author of a plan decided. Everything not bounded is the optimizer's choice; statements
 * only narrow.
 *
 * @param only devices a thing may lie on; others get nothing of it
 * @param shares hard intervals
 * @param preferences soft intervals
 * @param levels limits on time and memory
 * @param kvAxis how the KV cache is cut where several devices share it and no cut speaks of the
 *     layer
 * @param attention where decode attention may be computed
 * @param formats what things may be stored as; of several that speak of a matrix, or of the KV
 *     cache, the last one holds. What none speaks of is stored as {@link Problem} says: weights as
 *     in the model, KV as {@link Problem#kvType}
 * @param sparse over which KV attention may read a part only; of several that speak of a home, the
 *     last one holds. Attention over KV of other homes reads all
 * @param quality how much loss is allowed, if there is a limit
 * @param cuts how the KV cache of some layers is cut; of several that speak of a layer, the first
 *     one holds
 */
public record Bounds(
    List<OnlyOn> only,
    List<Share> shares,
    List<Preference> preferences,
    List<ServiceLevel> levels,
    KvAxis kvAxis,
    List<AttentionPlace> attention,
    List<Format> formats,
    List<SparseAttention> sparse,
    Optional<Quality> quality,
    List<KvCut> cuts) {
  public Bounds {
    only = List.copyOf(only);
    shares = List.copyOf(shares);
    preferences = List.copyOf(preferences);
    levels = List.copyOf(levels);
    Objects.requireNonNull(kvAxis);
    attention = List.copyOf(attention);
    formats = List.copyOf(formats);
    sparse = List.copyOf(sparse);
    Objects.requireNonNull(quality);
    cuts = List.copyOf(cuts);
  }

  /** Bounds with which nothing is approximate. */
  public Bounds(
      List<OnlyOn> only,
      List<Share> shares,
      List<Preference> preferences,
      List<ServiceLevel> levels,
      KvAxis kvAxis,
      List<AttentionPlace> attention) {
    this(
        only,
        shares,
        preferences,
        levels,
        kvAxis,
        attention,
        List.of(),
        List.of(),
        Optional.empty(),
        List.of());
  }

  /** No decision at all. */
  public static Bounds none() {
    return new Bounds(List.of(), List.of(), List.of(), List.of(), KvAxis.TOKENS, List.of());
  }

  /** Everything that some bound speaks of. */
  public List<Thing> things() {
    return Stream.of(
            only.stream().map(OnlyOn::thing),
            shares.stream().map(Share::thing),
            preferences.stream().map(Preference::thing),
            formats.stream().map(Format::thing))
        .flatMap(things -> things)
        .toList();
  }

  /** How the KV cache of some layers is cut. */
  public record KvCut(Thing.Kv layers, KvAxis axis) {
    public KvCut {
      Objects.requireNonNull(layers);
      Objects.requireNonNull(axis);
    }
  }

  /** How the KV cache of a layer is cut. */
  public KvAxis kvAxisOf(int layer) {
    return cuts.stream()
        .filter(cut -> cut.layers().covers(layer))
        .map(KvCut::axis)
        .findFirst()
        .orElse(kvAxis);
  }

  /** The thing lies on these devices and no others: a tier that is not listed gets nothing. */
  public record OnlyOn(Thing thing, List<String> devices, Source source) {
    public OnlyOn {
      Objects.requireNonNull(thing);
      devices = List.copyOf(devices);
      Objects.requireNonNull(source);
    }
  }

  /**
   * Between {@code atLeast} and {@code atMost} (0..1) of the thing's bytes lie on the devices
   * together: one device, or the members of an array.
   */
  public record Share(
      Thing thing, List<String> devices, double atLeast, double atMost, Source source) {
    public Share {
      Objects.requireNonNull(thing);
      devices = List.copyOf(devices);
      Objects.requireNonNull(source);
      checkInterval(atLeast, atMost);
    }
  }

  /**
   * Like {@link Share}, but may be missed: a percentage point outside the interval counts like
   * {@code weight} thousandths of the block's time.
   */
  public record Preference(
      Thing thing,
      List<String> devices,
      double atLeast,
      double atMost,
      double weight,
      Source source) {
    public Preference {
      Objects.requireNonNull(thing);
      devices = List.copyOf(devices);
      Objects.requireNonNull(source);
      checkInterval(atLeast, atMost);
      if (!(weight > 0) || Double.isInfinite(weight)) {
        throw new IllegalArgumentException("a preference's weight of " + weight);
      }
    }
  }

  /** A limit that the answer keeps. */
  public sealed interface ServiceLevel {
    Source source();

    /** Whether the limit is one on time. */
    default boolean isTime() {
      return switch (this) {
        case BlockLatency _, PhaseLatency _, Throughput _ -> true;
        case Peak _ -> false;
      };
    }

    /** Prefill and decode of one block take at most so many seconds. */
    record BlockLatency(double seconds, Source source) implements ServiceLevel {
      public BlockLatency {
        Objects.requireNonNull(source);
        if (!(seconds > 0)) {
          throw new IllegalArgumentException("a block latency of " + seconds + " s");
        }
      }
    }

    /** A phase takes at most so many seconds, or so many a sweep of one token where it decodes. */
    record PhaseLatency(Phase phase, double seconds, Source source) implements ServiceLevel {
      public PhaseLatency {
        Objects.requireNonNull(phase);
        Objects.requireNonNull(source);
        if (!(seconds > 0)) {
          throw new IllegalArgumentException("a latency of " + seconds + " s");
        }
      }
    }

    /**
     * At least so many tokens a second.
     *
     * @param phase prompt tokens of prefill, or tokens after the first of decoding; empty for
     *     generated tokens over the time of the block
     */
    record Throughput(Optional<Phase> phase, double tokensPerSecond, Source source)
        implements ServiceLevel {
      public Throughput {
        Objects.requireNonNull(phase);
        Objects.requireNonNull(source);
        if (!(tokensPerSecond > 0)) {
          throw new IllegalArgumentException("a throughput of " + tokensPerSecond + " tok/s");
        }
      }
    }

    /** The plan sets aside at most so many bytes on the device. */
    record Peak(String device, long bytes, Source source) implements ServiceLevel {
      public Peak {
        Objects.requireNonNull(device);
        Objects.requireNonNull(source);
        if (bytes < 0) {
          throw new IllegalArgumentException("a peak of " + bytes + " bytes");
        }
      }
    }
  }

  /**
   * Decode attention over KV that lies on {@code homes} is computed on one of {@code devices}.
   *
   * @param homes the devices of KV that the rule speaks of; empty for all
   */
  public record AttentionPlace(List<String> homes, List<String> devices, Source source) {
    public AttentionPlace {
      homes = List.copyOf(homes);
      devices = List.copyOf(devices);
      Objects.requireNonNull(source);
      if (devices.isEmpty()) {
        throw new IllegalArgumentException("attention on no device");
      }
    }

    /** Whether attention at {@code device} over KV on {@code home} keeps the rule. */
    public boolean allows(String home, String device) {
      return !homes.isEmpty() && !homes.contains(home) || devices.contains(device);
    }
  }

  /**
   * The thing may be stored as any of these types. Weights may be divided among types; the KV cache
   * has one type.
   *
   * @param thing weights or the KV cache
   * @param allowed at least one
   */
  public record Format(Thing thing, List<ElementType> allowed, Source source) {
    public Format {
      Objects.requireNonNull(source);
      allowed = List.copyOf(allowed);
      if (thing instanceof Thing.Activations) {
        throw new IllegalArgumentException("activations have no format to choose");
      }
      if (allowed.isEmpty() || Set.copyOf(allowed).size() < allowed.size()) {
        throw new IllegalArgumentException("formats " + allowed);
      }
    }
  }

  /**
   * Attention over KV that lies on {@code homes} may read as much of it as one of these says, where
   * the device that holds it attends; KV that is brought elsewhere is always read whole.
   *
   * @param homes the devices of KV that the rule speaks of; empty for all
   * @param allowed at least one; empty for all of the stored tokens
   */
  public record SparseAttention(
      List<String> homes, List<Optional<Sparsity>> allowed, Source source) {
    public SparseAttention {
      homes = List.copyOf(homes);
      allowed = List.copyOf(allowed);
      Objects.requireNonNull(source);
      if (allowed.isEmpty() || Set.copyOf(allowed).size() < allowed.size()) {
        throw new IllegalArgumentException("attention that reads " + allowed);
      }
    }

    private boolean covers(String home) {
      return homes.isEmpty() || homes.contains(home);
    }
  }

  /**
   * The expected losses of all approximations together stay within a budget. Losses add up, and a
   * part of a thing costs that part of the thing's loss (by bytes as the model stores them).
   *
   * @param budget 0 or more, in the unit of the losses
   * @param losses what approximations cost; an approximation that is not listed costs nothing
   */
  public record Quality(double budget, List<Loss> losses, Source source) {
    public Quality {
      losses = List.copyOf(losses);
      Objects.requireNonNull(source);
      checkLoss(budget);
    }

    /** What one approximation is expected to cost where all of a thing is approximated. */
    public sealed interface Loss {
      double expected();

      /** Some weights, all stored as the type. */
      record OfWeights(Thing.Weights thing, ElementType type, double expected) implements Loss {
        public OfWeights {
          Objects.requireNonNull(thing);
          Objects.requireNonNull(type);
          checkLoss(expected);
        }
      }

      /** The KV cache, stored as the type. */
      record OfKv(ElementType type, double expected) implements Loss {
        public OfKv {
          Objects.requireNonNull(type);
          checkLoss(expected);
        }
      }

      /** Attention that reads a part of all KV. */
      record OfAttention(Sparsity sparsity, double expected) implements Loss {
        public OfAttention {
          Objects.requireNonNull(sparsity);
          checkLoss(expected);
        }
      }
    }

    private static void checkLoss(double loss) {
      if (!(loss >= 0) || Double.isInfinite(loss)) {
        throw new IllegalArgumentException("a loss of " + loss);
      }
    }
  }

  /** What a matrix of a layer may be stored as, if some format speaks of it. */
  public Optional<List<ElementType>> formatsOf(Weight weight, int layer) {
    return formats.reversed().stream()
        .filter(f -> f.thing() instanceof Thing.Weights w && w.covers(weight, layer))
        .map(Format::allowed)
        .findFirst();
  }

  /** What the KV cache may be stored as, if some format speaks of it. */
  public Optional<List<ElementType>> formatsOfKv() {
    return formats.reversed().stream()
        .filter(f -> f.thing() instanceof Thing.Kv)
        .map(Format::allowed)
        .findFirst();
  }

  /** How much attention over KV may read where that lies: empty for all of it. */
  public List<Optional<Sparsity>> sparsitiesOn(String home) {
    return sparse.reversed().stream()
        .filter(rule -> rule.covers(home))
        .map(SparseAttention::allowed)
        .findFirst()
        .orElse(List.of(Optional.empty()));
  }

  private static void checkInterval(double atLeast, double atMost) {
    if (!(0 <= atLeast && atLeast <= atMost && atMost <= 1)) {
      throw new IllegalArgumentException("a share between %s and %s".formatted(atLeast, atMost));
    }
  }
}
