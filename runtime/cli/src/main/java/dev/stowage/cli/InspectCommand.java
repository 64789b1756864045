package dev.stowage.cli;

import dev.stowage.plan.ElementType;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.Weight;
import dev.stowage.plan.model.GgufModel;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.plan.model.ModelHeaders;
import dev.stowage.plan.model.Tensor;
import dev.stowage.plan.text.Amount;
import dev.stowage.plan.text.Table;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code stowage inspect}: what a model's headers say. */
@Command(
    name = "inspect",
    description = "Shows a model's tensors, bytes, and KV bytes per token.",
    mixinStandardHelpOptions = true)
final class InspectCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(
      index = "0",
      paramLabel = "MODEL",
      description = "A Hugging Face folder (config.json and safetensors), or a .gguf file.")
  private Path model;

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description = "${COMPLETION-CANDIDATES}; default: ${DEFAULT-VALUE}.")
  private Format format = Format.HUMAN;

  InspectCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws ModelFormatException {
    var path = console.resolve(model);
    if (!Files.exists(path)) {
      throw Failure.usage("%s: no such folder or file".formatted(model));
    }
    var folder = ModelHeaders.open(path);
    switch (format) {
      case HUMAN -> console.out().print(human(folder));
      case JSON -> json(folder);
    }
    return Exit.GOOD.code();
  }

  private static String human(ModelHeaders folder) throws ModelFormatException {
    var shape = folder.shape();
    var text = new StringBuilder();
    text.append(
        Amount.format(
            "%s  %s parameters, %s as stored, %s%n",
            shape.family().word(),
            Amount.count(parameters(folder)),
            Amount.bytes(storedBytes(folder)),
            types(shape)));
    text.append(
        Amount.format(
            "  %d layers, hidden %d%s, FFN %d, %d heads of %d, %d KV heads, vocabulary %d, %d positions, %s head%n",
            shape.layers(),
            shape.hidden(),
            shape.projects() ? " (embedding %d)".formatted(shape.embedding()) : "",
            shape.ffn(),
            shape.heads(),
            shape.headDim(),
            shape.kvHeads(),
            shape.vocabulary(),
            shape.maxPositions(),
            shape.tiedHead() ? "tied" : "untied"));
    text.append(
        Amount.format(
            "  KV per token of a sequence: %s as F16, %s as F32%n%n",
            Amount.bytes(shape.kvBytesPerToken(ElementType.F16)),
            Amount.bytes(shape.kvBytesPerToken(ElementType.F32))));
    if (folder instanceof GgufModel gguf) {
      text.append(keys(gguf));
    }
    var groups = new Table("group", "bytes>", "share>");
    long all = shape.matrixBytes() + shape.vectorBytes();
    for (var group : Weight.Group.values()) {
      long bytes = groupBytes(shape, group);
      groups.row(word(group), Amount.bytes(bytes), Amount.percent((double) bytes / all));
    }
    groups.row(
        "norms, biases",
        Amount.bytes(shape.vectorBytes()),
        Amount.percent((double) shape.vectorBytes() / all));
    text.append(groups.text()).append('\n');
    var tensors = new Table("tensor", "type", "shape", "bytes>");
    for (var tensor : folder.index().tensors().values()) {
      tensors.row(
          tensor.name(), tensor.dtype(), tensor.shape().toString(), Amount.bytes(tensor.bytes()));
    }
    return text.append(tensors.text()).toString();
  }

  /** What most bytes are stored as, and what else there is. */
  private static String types(ModelShape shape) {
    var others = new TreeSet<ElementType>();
    shape.stored().others().forEach(other -> others.add(other.type()));
    return others.isEmpty()
        ? shape.weightType().toString()
        : shape.weightType()
            + " (some "
            + others.stream().map(ElementType::toString).collect(Collectors.joining(", "))
            + ")";
  }

  /** What a GGUF file says beside its tensors; tokens and merges by their number. */
  private static String keys(GgufModel model) throws ModelFormatException {
    var table = new Table("key", "value");
    for (var key : model.metadata().keys()) {
      String value = model.metadata().shown(key).lines().findFirst().orElse("");
      table.row(key, value.length() <= 80 ? value : value.substring(0, 80) + "…");
    }
    String template =
        model.chatTemplate().map(t -> "%nchat template%n%s%n".formatted(t.indent(2))).orElse("");
    return table.text() + template + System.lineSeparator();
  }

  private void json(ModelHeaders folder) throws ModelFormatException {
    var shape = folder.shape();
    var result = Json.result();
    result.put("family", shape.family().word());
    result.put("parameters", parameters(folder));
    result.put("stored_bytes", storedBytes(folder));
    result.put("fingerprint", folder.fingerprint());
    result
        .putObject("shape")
        .put("layers", shape.layers())
        .put("hidden", shape.hidden())
        .put("embedding", shape.embedding())
        .put("ffn", shape.ffn())
        .put("heads", shape.heads())
        .put("kv_heads", shape.kvHeads())
        .put("head_dim", shape.headDim())
        .put("vocabulary", shape.vocabulary())
        .put("max_positions", shape.maxPositions())
        .put("tied_head", shape.tiedHead())
        .put("weight_type", shape.weightType().toString());
    result
        .putObject("kv_per_token_bytes")
        .put("F16", shape.kvBytesPerToken(ElementType.F16))
        .put("F32", shape.kvBytesPerToken(ElementType.F32));
    if (folder instanceof GgufModel gguf) {
      var keys = result.putObject("keys");
      gguf.metadata().keys().forEach(key -> keys.put(key, gguf.metadata().shown(key)));
    }
    var groups = result.putObject("group_bytes");
    for (var group : Weight.Group.values()) {
      groups.put(word(group), groupBytes(shape, group));
    }
    groups.put("vectors", shape.vectorBytes());
    var tensors = result.putArray("tensors");
    for (var tensor : folder.index().tensors().values()) {
      var node = tensors.addObject().put("name", tensor.name()).put("type", tensor.dtype());
      tensor.shape().forEach(node.putArray("shape")::add);
      node.put("file", tensor.file().getFileName().toString()).put("bytes", tensor.bytes());
    }
    Json.print(result, console);
  }

  private static String word(Weight.Group group) {
    return group.name().toLowerCase(Locale.ROOT);
  }

  private static long parameters(ModelHeaders folder) {
    long sum = 0;
    for (var tensor : folder.index().tensors().values()) {
      long elements = 1;
      for (long size : tensor.shape()) {
        elements = Math.multiplyExact(elements, size);
      }
      sum = Math.addExact(sum, elements);
    }
    return sum;
  }

  private static long storedBytes(ModelHeaders folder) {
    return folder.index().tensors().values().stream().mapToLong(Tensor::bytes).sum();
  }

  private static long groupBytes(ModelShape shape, Weight.Group group) {
    long sum = 0;
    for (var weight : Weight.values()) {
      if (weight.group() == group) {
        sum += shape.bytesInAllLayers(weight);
      }
    }
    return sum;
  }
}
