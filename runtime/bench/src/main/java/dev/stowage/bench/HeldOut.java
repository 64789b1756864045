package dev.stowage.bench;

import dev.stowage.calibrate.RandomModel;
import dev.stowage.plan.ElementType;
import java.util.List;
import java.util.Locale;

/**
 * A plan that no calibration has seen: another model, batch, tier or format than those it is fitted
 * to.
 *
 * @param model one of {@link Model}
 * @param batch what the workload says of sequences and micro-batches
 * @param devices what the platform says beyond the calibrated host and disk
 * @param place where weights and KV lie
 * @param approximate bits of weights and KV; empty for exact plans
 */
record HeldOut(Model model, String batch, String devices, String place, String approximate) {
  private static final int PROMPT = 48;
  private static final int GENERATE = 24;

  /** Every plan has a drive of its own: all are open at once. */
  private static final String DRIVE = "csd inst { memory 1 GiB  path \"drives/%s\"  emulated }";

  /** Shapes and types apart from those of the calibration's own models. */
  enum Model {
    SMALL(new RandomModel(4, 512, 8, 8, 1408, 2048, 256, ElementType.F16)),
    GROUPED(new RandomModel(6, 768, 12, 4, 2048, 4096, 256, ElementType.F16)),
    WIDE(new RandomModel(3, 1024, 16, 16, 2816, 1024, 256, ElementType.F32)),
    DEEP(new RandomModel(8, 320, 5, 5, 896, 8192, 256, ElementType.BF16));

    private final RandomModel shape;

    Model(RandomModel shape) {
      this.shape = shape;
    }

    RandomModel shape() {
      return shape;
    }

    /** The model's folder, in that of the benchmark. */
    String folder() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** All plans, tier by tier. */
  static List<HeldOut> all() {
    String ram = "weights on ram 100%  kv on ram 100%";
    String disk = "weights on ssd 100%  kv on ram 100%";
    String half = "weights on ram 50%, ssd 50%  kv on ram 100%";
    String onDrive = "weights on ram 100%  kv on inst 100%";
    return List.of(
        of(Model.SMALL, 1, 1, ram, ""),
        of(Model.SMALL, 4, 1, ram, ""),
        of(Model.SMALL, 16, 1, ram, ""),
        of(Model.SMALL, 8, 2, ram, ""),
        of(Model.GROUPED, 2, 1, ram, ""),
        of(Model.GROUPED, 8, 1, ram, ""),
        of(Model.GROUPED, 8, 1, ram, "weights 8-bit group 64"),
        of(Model.GROUPED, 1, 1, ram, "weights 4-bit group 64"),
        of(Model.GROUPED, 16, 1, ram, "weights 4-bit group 64"),
        of(Model.WIDE, 1, 1, ram, ""),
        of(Model.WIDE, 4, 1, ram, ""),
        of(Model.WIDE, 8, 1, ram, "weights 8-bit group 64"),
        of(Model.DEEP, 1, 1, ram, ""),
        of(Model.DEEP, 12, 1, ram, ""),
        of(Model.DEEP, 32, 4, ram, "kv 8-bit group 64"),
        of(Model.SMALL, 4, 1, half, ""),
        of(Model.GROUPED, 4, 1, disk, ""),
        of(Model.GROUPED, 16, 1, disk, ""),
        of(Model.GROUPED, 8, 1, disk, "weights 8-bit group 64"),
        of(Model.GROUPED, 8, 1, half, "weights 4-bit group 64"),
        of(Model.WIDE, 4, 1, half, ""),
        of(Model.DEEP, 8, 1, "weights on ram 100%  kv on ssd 100%", ""),
        of(Model.SMALL, 4, 1, onDrive, ""),
        of(Model.DEEP, 8, 2, onDrive, ""),
        of(Model.GROUPED, 4, 1, "weights on ram 50%, ssd 50%  kv on inst 100%", ""));
  }

  private static HeldOut of(
      Model model, int sequences, int microBatches, String place, String approximate) {
    return new HeldOut(
        model,
        "batch %d  micro-batches %d".formatted(sequences, microBatches),
        place.contains("inst") ? DRIVE : "",
        place.replace("  ", "\n  "),
        approximate);
  }

  /** The source of the plan, for a folder with the platform {@code host.stow} and the models. */
  String text(String name) {
    var text = new StringBuilder("plan %s\n".formatted(name));
    text.append("platform from \"host.stow\" {\n  %s\n}\n".formatted(devices.formatted(name)));
    text.append("model m = hf \"%s\"\n".formatted(model.folder()));
    text.append("workload w { prompt %d tok  generate %d tok".formatted(PROMPT, GENERATE));
    text.append("  %s }\n".formatted(batch));
    if (!place.isEmpty()) {
      text.append("place {\n  %s\n}\n".formatted(place));
    }
    if (!approximate.isEmpty()) {
      text.append("approximate within perplexity +50%% { %s }\n".formatted(approximate));
    }
    return text.append("maximize throughput\n").toString();
  }

  /** What tells it from the others, in a line. */
  String words() {
    var words = place.isEmpty() ? "placed freely" : place.replaceAll("\\s+", " ");
    return "%s, %s, %s%s"
        .formatted(
            model.folder(),
            batch.replaceAll("\\s+", " "),
            words,
            approximate.isEmpty() ? "" : ", " + approximate);
  }
}
