package dev.stowage.optimizer;

import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * What the author of a plan decided. Everything not bounded is the optimizer's choice; statements
 * only narrow.
 *
 * @param only devices a thing may lie on; others get nothing of it
 * @param shares hard intervals
 * @param preferences soft intervals
 * @param levels limits on time and memory
 * @param kvAxis how the KV cache is cut where several devices share it
 * @param attention where decode attention may be computed
 */
public record Bounds(
    List<OnlyOn> only,
    List<Share> shares,
    List<Preference> preferences,
    List<ServiceLevel> levels,
    KvAxis kvAxis,
    List<AttentionPlace> attention) {
  public Bounds {
    only = List.copyOf(only);
    shares = List.copyOf(shares);
    preferences = List.copyOf(preferences);
    levels = List.copyOf(levels);
    Objects.requireNonNull(kvAxis);
    attention = List.copyOf(attention);
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
            preferences.stream().map(Preference::thing))
        .flatMap(things -> things)
        .toList();
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

    /** Prefill and decode of one block take at most so many seconds. */
    record BlockLatency(double seconds, Source source) implements ServiceLevel {
      public BlockLatency {
        Objects.requireNonNull(source);
        if (!(seconds > 0)) {
          throw new IllegalArgumentException("a block latency of " + seconds + " s");
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

  private static void checkInterval(double atLeast, double atMost) {
    if (!(0 <= atLeast && atLeast <= atMost && atMost <= 1)) {
      throw new IllegalArgumentException("a share between %s and %s".formatted(atLeast, atMost));
    }
  }
}
