package dev.stowage.plan;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;

/**
 * What runs: everything that decides the tokens and the bytes, and nothing of when or on which
 * thread.
 *
 * @param name the plan's name in its source
 * @param kvType how keys and values are stored
 * @param weights disjoint regions that cover every row of every matrix
 * @param kv disjoint regions that fill the KV cache's box
 * @param buffers all memory, region by region and ring by ring
 * @param sections one pass of one micro-batch
 * @param shares what was asked, planned and realised
 * @param predicted what the cost model expects
 */
public record ExecutablePlan(
    String name,
    ModelSource source,
    ModelShape shape,
    Machine machine,
    BatchShape batch,
    ElementType kvType,
    List<WeightRegion> weights,
    List<KvRegion> kv,
    List<Buffer> buffers,
    List<Section> sections,
    List<Asked> shares,
    Prediction predicted) {
  public ExecutablePlan {
    Objects.requireNonNull(name);
    Objects.requireNonNull(source);
    Objects.requireNonNull(shape);
    Objects.requireNonNull(machine);
    Objects.requireNonNull(batch);
    Objects.requireNonNull(kvType);
    Objects.requireNonNull(predicted);
    weights = List.copyOf(weights);
    kv = List.copyOf(kv);
    buffers = List.copyOf(buffers);
    sections = List.copyOf(sections);
    shares = List.copyOf(shares);
  }

  /** The buffer of that name, or an {@link IllegalArgumentException}. */
  public Buffer buffer(String name) {
    return buffers.stream()
        .filter(buffer -> buffer.name().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("no buffer named " + name));
  }

  /** The KV region of that name, or an {@link IllegalArgumentException}. */
  public KvRegion kvRegion(String name) {
    return kv.stream()
        .filter(region -> region.name().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("no KV region named " + name));
  }

  /**
   * What a KV region takes where it never holds all of its box; empty where it is set aside whole.
   * Its room is that of the region's buffer.
   */
  public Optional<KvPages> pages(KvRegion region) {
    return KvPages.of(machine, shape, kvType, batch, region)
        .map(pages -> pages.withCapacity(buffer(region.name()).totalBytes()));
  }

  /** The regions that never hold all of their boxes, in their order, and what they take. */
  public Map<KvRegion, KvPages> pages() {
    var pages = new LinkedHashMap<KvRegion, KvPages>();
    kv.forEach(region -> pages(region).ifPresent(found -> pages.put(region, found)));
    return pages;
  }

  /** Steps of the walk that a micro-batch takes in one sweep: sections, layer by layer. */
  public int stops() {
    return sections.stream().mapToInt(Section::repeats).sum();
  }

  /** Where the layers are computed, if the sections make stages: those of a verified plan do. */
  public Optional<Stages> findStages() {
    return Stages.of(sections)
        .filter(stages -> stages.list().getLast().layers().to() == shape.layers());
  }

  /** Where the layers of a verified plan are computed. */
  public Stages stages() {
    return findStages()
        .orElseThrow(
            () -> new IllegalStateException("the sections of %s make no stages".formatted(name)));
  }

  /**
   * Of every stop, the number of its stage. What comes between two stages, and brings hidden states
   * from one to the next, belongs to the next.
   */
  public int[] stagesOfStops() {
    var stages = stages();
    var numbers = new int[stops()];
    int stop = 0;
    int next = 0; // layer
    for (var section : sections) {
      if (!section.layers().isEmpty()) {
        next = section.layers().to();
      }
      int stage =
          section.layers().isEmpty()
              ? stages.number(Math.min(next, shape.layers() - 1))
              : stages.number(section.layers().from());
      for (int i = 0; i < section.repeats(); i++) {
        numbers[stop++] = stage;
      }
    }
    return numbers;
  }

  /** Bytes the plan sets aside on a device. */
  public long bytesOn(String device) {
    return buffers.stream()
        .filter(b -> b.device().equals(device))
        .mapToLong(Buffer::totalBytes)
        .sum();
  }

  /**
   * The same plan, looking elsewhere.
   *
   * @param ofModel makes of the model's path another
   * @param ofDevice makes of a device's name and path another path
   */
  public ExecutablePlan withPaths(UnaryOperator<String> ofModel, BinaryOperator<String> ofDevice) {
    var moved =
        switch (source) {
          case ModelSource.HuggingFace(var path, var fingerprint) ->
              new ModelSource.HuggingFace(ofModel.apply(path), fingerprint);
          case ModelSource.Gguf(var path, var fingerprint) ->
              new ModelSource.Gguf(ofModel.apply(path), fingerprint);
          case ModelSource.ShapeOnly shapeOnly -> shapeOnly;
        };
    var devices =
        machine.devices().stream()
            .map(
                d ->
                    new DeviceSpec(
                        d.name(),
                        d.kind(),
                        d.capacityBytes(),
                        d.reserveBytes(),
                        d.path().map(path -> ofDevice.apply(d.name(), path)),
                        d.emulated(),
                        d.rates(),
                        d.curves()))
            .toList();
    return new ExecutablePlan(
        name,
        moved,
        shape,
        new Machine(devices, machine.links()),
        batch,
        kvType,
        weights,
        kv,
        buffers,
        sections,
        shares,
        predicted);
  }
}
