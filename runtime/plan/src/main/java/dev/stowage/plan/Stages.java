package dev.stowage.plan;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * Where every layer is computed. Neighbouring layers on one device are a stage; hidden states go
 * from stage to stage. What comes before the layers (the embedding) is computed with the first,
 * what comes after them (the head) with the last.
 *
 * @param list upward in layers, from 0 on without gaps, each on a device of its own
 */
public record Stages(List<Stage> list) {
  /** Layers that one device computes. */
  public record Stage(Range layers, String device) {
    public Stage {
      Objects.requireNonNull(device);
      if (layers.isEmpty()) {
        throw new IllegalArgumentException("a stage on %s without layers".formatted(device));
      }
    }
  }

  public Stages {
    list = List.copyOf(list);
    int next = 0;
    var devices = new HashSet<String>();
    for (var stage : list) {
      if (stage.layers().from() != next || !devices.add(stage.device())) {
        throw new IllegalArgumentException("no stages: " + list);
      }
      next = stage.layers().to();
    }
    if (list.isEmpty()) {
      throw new IllegalArgumentException("a model without stages");
    }
  }

  /** All layers on one device. */
  public static Stages on(String device, int layers) {
    return new Stages(List.of(new Stage(Range.upTo(layers), device)));
  }

  /** What the steps of a plan's sections say; empty where they make no stages. */
  static Optional<Stages> of(List<Section> sections) {
    var stages = new ArrayList<Stage>();
    for (var section : sections) {
      var at = computesAt(section);
      if (section.layers().isEmpty() || at.isEmpty()) {
        continue;
      }
      var range = section.layers();
      if (!stages.isEmpty() && stages.getLast().device().equals(at.get())) {
        var before = stages.removeLast().layers();
        if (before.to() != range.from()) {
          return Optional.empty();
        }
        range = new Range(before.from(), range.to());
      }
      stages.add(new Stage(range, at.get()));
    }
    try {
      return Optional.of(new Stages(stages));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /** Where the steps of a section compute; empty where none does. */
  public static Optional<String> computesAt(Section section) {
    return section.steps().stream()
        .filter(Step.Compute.class::isInstance)
        .map(step -> ((Step.Compute) step).at())
        .findFirst();
  }

  public int count() {
    return list.size();
  }

  /** The devices, in the order of their layers. */
  public List<String> devices() {
    return list.stream().map(Stage::device).toList();
  }

  /** The device of the first stage, which embeds. */
  public String first() {
    return list.getFirst().device();
  }

  /** The device of the last stage, which has the head. */
  public String last() {
    return list.getLast().device();
  }

  /** The stage of a device. */
  public Optional<Stage> find(String device) {
    return list.stream().filter(stage -> stage.device().equals(device)).findFirst();
  }

  /** Whether a device computes layers. */
  public boolean compute(String device) {
    return find(device).isPresent();
  }

  /** The number of the stage that a layer belongs to. */
  public int number(int layer) {
    for (int i = 0; i < list.size(); i++) {
      if (list.get(i).layers().contains(layer)) {
        return i;
      }
    }
    throw new IllegalArgumentException("no stage has layer " + layer);
  }

  /** The device that computes a layer. */
  public String at(int layer) {
    return list.get(number(layer)).device();
  }

  /**
   * The number of the stage that multiplies by a matrix, or for which its rows are looked up. A
   * token embedding that is the head too is the head's: that reads all of it, a look-up a few rows.
   */
  public int number(ModelShape shape, Weight weight, int layer) {
    return switch (weight) {
      case TOKENS -> shape.tiedHead() ? list.size() - 1 : 0;
      case POSITIONS, PROJECT_IN -> 0;
      case Q, K, V, O, GATE, UP, DOWN -> number(layer);
      case PROJECT_OUT, HEAD -> list.size() - 1;
    };
  }

  /** The device that multiplies by a matrix: see {@link #number(ModelShape, Weight, int)}. */
  public String at(ModelShape shape, Weight weight, int layer) {
    return list.get(number(shape, weight, layer)).device();
  }

  /**
   * The name of a stage's own buffer: that of the first is plain, the others' say their device.
   *
   * @param buffer such as {@code hidden}
   */
  public String own(String buffer, String device) {
    return device.equals(first()) ? buffer : on(buffer, device);
  }

  /** The name of a buffer's twin on another device. */
  public static String on(String buffer, String device) {
    return buffer + "." + plain(device);
  }

  /** A device's name as part of a buffer's: members of an array lose their brackets. */
  public static String plain(String device) {
    return device.replace("[", ".").replace("]", "");
  }
}
