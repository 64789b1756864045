package dev.stowage.dsl;

import dev.stowage.dsl.Unit.Dimension;
import dev.stowage.dsl.script.DeviceKind;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The words that are checked by name and not by the grammar: properties of devices and links, items
 * of a workload, metrics, types of parameters, parts of a model. Each with what its value measures
 * and one sentence for people, which hover and completion show.
 */
public final class Vocabulary {
  private Vocabulary() {}

  /**
   * A word that takes a value.
   *
   * @param dimensions what the value may measure; empty when it is a text
   * @param meaning one sentence
   */
  public record Entry(Set<Dimension> dimensions, String meaning) {
    public boolean isText() {
      return dimensions.isEmpty();
    }
  }

  /** Properties that every device has, then those that only some kinds have. */
  private static final Map<String, Entry> EVERY_DEVICE =
      entries(
          word("memory", Set.of(Dimension.BYTES), "Capacity."),
          word(
              "reserve",
              Set.of(Dimension.BYTES, Dimension.SHARE),
              "Capacity that plans leave alone."));

  private static final Map<String, Entry> COMPUTING =
      entries(
          word("memory-bandwidth", Set.of(Dimension.BANDWIDTH), "Rate of the device's own memory."),
          word(
              "matmul-prefill",
              Set.of(Dimension.COMPUTE),
              "Matrix products with many tokens at once."),
          word(
              "matmul-decode",
              Set.of(Dimension.COMPUTE),
              "Matrix products with one token a sequence."),
          word("attend-prefill", Set.of(Dimension.COMPUTE), "Attention over the prompt."),
          word("attend-decode", Set.of(Dimension.COMPUTE), "Attention of one new token."),
          word(
              "matmul",
              Set.of(Dimension.COMPUTE),
              "Matrix products with so many tokens, the matrix coming from memory."),
          word(
              "matmul-cached",
              Set.of(Dimension.COMPUTE),
              "Matrix products with so many tokens, the matrix lying in caches."),
          word(
              "matmul-small",
              Set.of(Dimension.COMPUTE),
              "The same with a matrix of 256 columns, where others have 1024."),
          word(
              "sweep",
              Set.of(Dimension.COMPUTE),
              "Products with four tokens, of matrices of so many bytes that take turns."),
          word("attend", Set.of(Dimension.COMPUTE), "Attention of a token over so many others."),
          word(
              "attend-grouped",
              Set.of(Dimension.COMPUTE),
              "The same where eight query heads share each head of keys and values."),
          word(
              "attend-prompt",
              Set.of(Dimension.COMPUTE),
              "Attention of many tokens of a prompt, each over so many others."),
          word(
              "elementwise",
              Set.of(Dimension.BANDWIDTH),
              "Norms, rotations, activations and sums, in bytes of activations."),
          word(
              "pass-latency",
              Set.of(Dimension.TIME),
              "What a layer costs a pass, whatever the work in it."),
          word(
              "product-latency",
              Set.of(Dimension.TIME),
              "What a matrix product costs by being called, however small it is."));

  /** Properties that are curves, or may be, and what the size of the work measures. */
  private static final Map<String, Dimension> CURVES =
      Map.ofEntries(
          Map.entry("matmul", Dimension.TOKENS),
          Map.entry("matmul-cached", Dimension.TOKENS),
          Map.entry("matmul-small", Dimension.TOKENS),
          Map.entry("sweep", Dimension.BYTES),
          Map.entry("attend", Dimension.TOKENS),
          Map.entry("attend-grouped", Dimension.TOKENS),
          Map.entry("attend-prompt", Dimension.TOKENS),
          Map.entry("read", Dimension.BYTES),
          Map.entry("read-cached", Dimension.BYTES),
          Map.entry("write", Dimension.BYTES),
          Map.entry("write-cached", Dimension.BYTES));

  /** Properties that are nothing but curves; those of compute, one for each type of numbers. */
  private static final Set<String> ONLY_CURVES =
      Set.of(
          "matmul",
          "matmul-cached",
          "matmul-small",
          "sweep",
          "attend",
          "attend-grouped",
          "attend-prompt",
          "read-cached",
          "write-cached");

  private static final Map<String, Entry> CARD =
      entries(
          word(
              "interface",
              Set.of(Dimension.BANDWIDTH),
              "Between the card and its host, each way, where no link says more."));

  private static final Map<String, Entry> STORING =
      entries(
          word("path", Set.of(), "Folder of the files that stand for the device."),
          word("read", Set.of(Dimension.BANDWIDTH), "Sequential reading."),
          word("write", Set.of(Dimension.BANDWIDTH), "Sequential writing."),
          word(
              "read-cached",
              Set.of(Dimension.BANDWIDTH),
              "Reading what the system's page cache holds, one piece at a time."),
          word(
              "write-cached",
              Set.of(Dimension.BANDWIDTH),
              "Writing to the system's page cache, one piece at a time."),
          word("random-read", Set.of(Dimension.BANDWIDTH), "Reading page by page in any order."),
          word("latency", Set.of(Dimension.TIME), "From asking to the first byte."),
          word(
              "slows-host",
              Set.of(Dimension.SHARE),
              "What reading all the time takes of the host's compute."),
          word(
              "slowed-by-host",
              Set.of(Dimension.SHARE),
              "What a host that computes all the time takes of reading."));

  private static final Map<String, Entry> IN_STORAGE =
      entries(
          word("channels", Set.of(Dimension.COUNT), "Flash channels."),
          word("dies", Set.of(Dimension.COUNT), "Dies on each channel."),
          word("planes", Set.of(Dimension.COUNT), "Planes of each die."),
          word("page", Set.of(Dimension.BYTES), "Flash page."),
          word("read-time", Set.of(Dimension.TIME), "Page from the cells to the register (tR)."),
          word(
              "program-time",
              Set.of(Dimension.TIME),
              "Page from the register to the cells (tPROG)."),
          word("channel-bandwidth", Set.of(Dimension.BANDWIDTH), "One flash channel's bus."),
          word(
              "dram",
              Set.of(Dimension.BYTES),
              "Memory on the drive's board, in which tokens gather until they fill flash pages; 2 GiB unless said."),
          word("attend-decode", Set.of(Dimension.COMPUTE), "Attention inside the drive."),
          word("interface", Set.of(Dimension.BANDWIDTH), "Between the drive and its host."));

  private static final Map<String, Entry> LINK =
      entries(
          word("rate", Set.of(Dimension.BANDWIDTH), "Bytes a second, each way."),
          word("latency", Set.of(Dimension.TIME), "Of one transfer."),
          word("root", Set.of(), "Links with the same root share its bandwidth."));

  private static final Map<String, Entry> WORKLOAD =
      entries(
          word("prompt", Set.of(Dimension.TOKENS), "Length of a prompt."),
          word("generate", Set.of(Dimension.TOKENS), "Tokens made for each prompt."),
          word("requests", Set.of(Dimension.COUNT), "How many prompts there are."),
          word("batch", Set.of(Dimension.COUNT), "Sequences that run together."),
          word(
              "micro-batches",
              Set.of(Dimension.COUNT),
              "Parts of a batch that share loaded weights."));

  private static final Map<String, Entry> METRICS =
      entries(
          word("throughput", Set.of(Dimension.TOKEN_RATE), "Tokens made a second."),
          word(
              "latency",
              Set.of(Dimension.TIME),
              "Of a block, a token, a request or the first token."),
          word("peak", Set.of(Dimension.BYTES), "The most bytes that a device ever holds."),
          word("memory", Set.of(Dimension.BYTES), "What a device can hold."),
          word(
              "share",
              Set.of(Dimension.SHARE),
              "Part of the weights, KV or activations on a device."));

  private static final Map<String, Entry> PARAM_TYPES =
      entries(
          word("count", Set.of(Dimension.COUNT), "A plain number."),
          word("percent", Set.of(Dimension.SHARE), "A share, in %."),
          word("bytes", Set.of(Dimension.BYTES), "Memory, such as GiB."),
          word("bandwidth", Set.of(Dimension.BANDWIDTH), "Such as GB/s."),
          word("compute", Set.of(Dimension.COMPUTE), "Such as TFLOPS."),
          word("time", Set.of(Dimension.TIME), "Such as ms or s."),
          word("length", Set.of(Dimension.TOKENS), "Tokens."),
          word("speed", Set.of(Dimension.TOKEN_RATE), "Tokens a second."),
          word("depth", Set.of(Dimension.LAYERS), "Layers."));

  /** Units to offer for a number that lacks one, most likely first. */
  static final Map<Dimension, List<String>> USUAL_UNITS =
      Map.of(
          Dimension.BYTES, List.of("GiB", "MiB", "TB"),
          Dimension.BANDWIDTH, List.of("GB/s", "MB/s"),
          Dimension.COMPUTE, List.of("TFLOPS", "GFLOPS"),
          Dimension.TIME, List.of("us", "ms", "s"),
          Dimension.TOKENS, List.of("tok"),
          Dimension.TOKEN_RATE, List.of("tok/s"),
          Dimension.SHARE, List.of("%"),
          Dimension.LAYERS, List.of("layers"),
          Dimension.COUNT, List.of());

  public static final List<String> ORDERS =
      List.of("zig-zag", "row", "column", "pipeline", "diagonal");
  public static final List<String> MODEL_OPTIONS = List.of("dtype", "context");
  public static final List<String> DTYPES = List.of("fp32", "fp16", "bf16");

  /** Types of the numbers that curves are for. */
  public static final List<String> CURVE_DTYPES = List.of("fp32", "fp16", "bf16", "int8", "int4");

  public static final List<String> SPARSE_METHODS = List.of("top-k", "spar-f", "pages");
  public static final List<String> LOSS_METRICS = List.of("perplexity");

  /** First words of a selector, and what may follow a layer. */
  public static final List<String> MODEL_PARTS = List.of("embed", "layers", "head", "norm");

  public static final Map<String, List<String>> LAYER_PARTS =
      Map.of(
          "attn", List.of("q", "k", "v", "o", "norm"),
          "mlp", List.of("gate", "up", "down", "norm"));

  /** Properties of a device of one kind, in the order to show them. */
  public static Map<String, Entry> deviceProperties(DeviceKind kind) {
    var all = new LinkedHashMap<>(EVERY_DEVICE);
    switch (kind) {
      case GPU -> {
        all.putAll(COMPUTING);
        all.putAll(CARD);
      }
      case HOST -> all.putAll(COMPUTING);
      case DISK -> all.putAll(STORING);
      case CSD -> {
        all.putAll(STORING);
        all.putAll(IN_STORAGE);
      }
    }
    return all;
  }

  /** What the size measures where a property may be given at several sizes of work. */
  public static Optional<Dimension> curve(String property) {
    return Optional.ofNullable(CURVES.get(property));
  }

  /** Whether a property is given at sizes of work only. */
  public static boolean onlyCurve(String property) {
    return ONLY_CURVES.contains(property);
  }

  public static Map<String, Entry> linkProperties() {
    return LINK;
  }

  public static Map<String, Entry> workloadItems() {
    return WORKLOAD;
  }

  public static Map<String, Entry> metrics() {
    return METRICS;
  }

  public static Map<String, Entry> paramTypes() {
    return PARAM_TYPES;
  }

  private static Named word(String name, Set<Dimension> dimensions, String meaning) {
    return new Named(name, new Entry(dimensions, meaning));
  }

  private static Map<String, Entry> entries(Named... words) {
    var map = new LinkedHashMap<String, Entry>();
    for (Named word : words) {
      map.put(word.name(), word.entry());
    }
    return Collections.unmodifiableMap(map);
  }

  private record Named(String name, Entry entry) {}
}
