package dev.stowage.plan.text;

import dev.stowage.plan.Asked;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.Buffer;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Family;
import dev.stowage.plan.KvRegion;
import dev.stowage.plan.LinkSpec;
import dev.stowage.plan.Machine;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.ModelSource;
import dev.stowage.plan.Origin;
import dev.stowage.plan.Prediction;
import dev.stowage.plan.Rate;
import dev.stowage.plan.RateCurve;
import dev.stowage.plan.RateValue;
import dev.stowage.plan.RopePairs;
import dev.stowage.plan.RopeScaling;
import dev.stowage.plan.Section;
import dev.stowage.plan.Sparsity;
import dev.stowage.plan.Step;
import dev.stowage.plan.StoredTypes;
import dev.stowage.plan.WeightRegion;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Reads what {@link PlanPrinter} prints. Statements come in the printed order, each exactly once. A
 * plan that parses is made of valid records; whether it holds together is {@link
 * dev.stowage.plan.verify.PlanVerifier}'s question.
 */
public final class PlanParser {
  private static final String COUNT = "a whole number";

  private final TextReader in;

  PlanParser(TextReader in) {
    this.in = in;
  }

  /** The plan of a text that holds nothing else. */
  public static ExecutablePlan parse(String text) throws PlanFormatException {
    var in = new TextReader(text);
    var plan = new PlanParser(in).plan();
    in.endOfText();
    return plan;
  }

  ExecutablePlan plan() throws PlanFormatException {
    in.statementOf("plan");
    var name = in.string("the plan's name");
    in.endOfStatement();
    var source = source();
    var shape = shape();
    var machine = machine();
    var batch = batch();
    in.statementOf("kv-type");
    var kvType = StepText.elementType(in);
    in.endOfStatement();
    var weights = weights();
    var kv = kv();
    var buffers = buffers();
    var sections = sections();
    var shares = shares();
    return new ExecutablePlan(
        name,
        source,
        shape,
        machine,
        batch,
        kvType,
        weights,
        kv,
        buffers,
        sections,
        shares,
        predicted());
  }

  private ModelSource source() throws PlanFormatException {
    in.statementOf("model");
    ModelSource source;
    if (in.passes("hf")) {
      var path = in.string("the model's folder");
      in.keyword("fingerprint");
      source = new ModelSource.HuggingFace(path, in.string("a fingerprint"));
    } else if (in.passes("gguf")) {
      var path = in.string("the model's file");
      in.keyword("fingerprint");
      source = new ModelSource.Gguf(path, in.string("a fingerprint"));
    } else if (in.passes("shape")) {
      source = new ModelSource.ShapeOnly(in.string("the shape's name"));
    } else {
      throw in.found("'hf', 'gguf' or 'shape'");
    }
    in.endOfStatement();
    return source;
  }

  // -- model

  private ModelShape shape() throws PlanFormatException {
    in.statementOf("shape");
    in.endOfStatement();
    in.statementOf("family");
    var family = StepText.constant(in, Family.values(), Family::word);
    in.endOfStatement();
    int layers = countField("layers");
    int hidden = countField("hidden");
    int embedding = countField("embedding");
    int ffn = countField("ffn");
    int heads = countField("heads");
    int kvHeads = countField("kv-heads");
    int headDim = countField("head-dim");
    int vocabulary = countField("vocabulary");
    int maxPositions = countField("max-positions");
    double normEpsilon = numberField("norm-epsilon");
    in.statementOf("rope-theta");
    double ropeTheta = in.number("a number");
    var ropePairs = in.passes("interleaved") ? RopePairs.INTERLEAVED : RopePairs.HALVES;
    in.endOfStatement();
    var ropeScaling = ropeScaling();
    boolean qkvBias = yesNoField("qkv-bias");
    boolean outputBias = yesNoField("output-bias");
    boolean mlpBias = yesNoField("mlp-bias");
    boolean tiedHead = yesNoField("tied-head");
    in.statementOf("sliding-window");
    Optional<Integer> slidingWindow =
        in.passes("none") ? Optional.empty() : Optional.of(in.integer("'none' or " + COUNT));
    in.endOfStatement();
    in.statementOf("weight-type");
    var common = StepText.elementType(in);
    in.endOfStatement();
    var others = new ArrayList<StoredTypes.Other>();
    while (in.inBlock("'stored'")) {
      others.add(storedOtherwise());
    }
    return in.valid(
        () ->
            new ModelShape(
                family,
                layers,
                hidden,
                embedding,
                ffn,
                heads,
                kvHeads,
                headDim,
                vocabulary,
                maxPositions,
                normEpsilon,
                ropeTheta,
                ropeScaling,
                ropePairs,
                qkvBias,
                outputBias,
                mlpBias,
                tiedHead,
                slidingWindow,
                new StoredTypes(common, others)));
  }

  private StoredTypes.Other storedOtherwise() throws PlanFormatException {
    in.keyword("stored");
    var weight = StepText.weight(in);
    in.keyword("layers");
    var layers = in.range("layers");
    in.keyword("as");
    var type = StepText.elementType(in);
    var other = in.valid(() -> new StoredTypes.Other(weight, layers, type));
    in.endOfStatement();
    return other;
  }

  private RopeScaling ropeScaling() throws PlanFormatException {
    in.statementOf("rope-scaling");
    RopeScaling scaling;
    if (in.passes("none")) {
      scaling = new RopeScaling.None();
    } else if (in.passes("linear")) {
      scaling = new RopeScaling.Linear(numberOf("factor"));
    } else if (in.passes("llama3")) {
      scaling =
          new RopeScaling.Llama3(
              numberOf("factor"), numberOf("low"), numberOf("high"), in.integerOf("positions"));
    } else if (in.passes("factors")) {
      scaling = new RopeScaling.Factors();
    } else {
      throw in.found("'none', 'linear', 'llama3' or 'factors'");
    }
    in.endOfStatement();
    return scaling;
  }

  // -- machine and batch

  private Machine machine() throws PlanFormatException {
    in.statementOf("machine");
    in.endOfStatement();
    var devices = new ArrayList<DeviceSpec>();
    var links = new ArrayList<LinkSpec>();
    while (in.inBlock("'device', 'link'")) {
      if (links.isEmpty() && in.passes("device")) {
        devices.add(device());
      } else if (in.passes("link")) {
        links.add(link());
      } else {
        throw in.found(links.isEmpty() ? "'device', 'link' or 'end'" : "'link' or 'end'");
      }
    }
    return in.valid(() -> new Machine(devices, links));
  }

  private DeviceSpec device() throws PlanFormatException {
    var name = in.name("a device's name");
    var kind = StepText.constant(in, DeviceKind.values(), DeviceKind::word);
    long capacity = bytesOf("capacity");
    long reserve = bytesOf("reserve");
    Optional<String> path =
        in.passes("path") ? Optional.of(in.string("a folder")) : Optional.empty();
    boolean emulated = in.passes("emulated");
    in.endOfStatement();
    var rates = new EnumMap<Rate, RateValue>(Rate.class);
    var points = new LinkedHashMap<CurveKey, SortedMap<Long, RateValue>>();
    while (in.inBlock("'rate', 'curve'")) {
      if (in.passes("curve")) {
        point(name, points);
        continue;
      }
      in.keyword("rate");
      var rate = StepText.constant(in, Rate.values(), Rate::word);
      if (rates.containsKey(rate)) {
        throw in.fail("device %s has two rates of %s, expected one".formatted(name, rate.word()));
      }
      double value = in.number("a number");
      var origin = origin();
      in.endOfStatement();
      rates.put(rate, in.valid(() -> new RateValue(value, origin)));
    }
    return in.valid(
        () ->
            new DeviceSpec(
                name,
                kind,
                capacity,
                reserve,
                path,
                emulated,
                rates,
                points.entrySet().stream()
                    .map(e -> new RateCurve(e.getKey().measure(), e.getKey().type(), e.getValue()))
                    .toList()));
  }

  private record CurveKey(RateCurve.Measure measure, Optional<ElementType> type) {}

  /** {@code curve matmul f16 at 16 3.1E10 measured}, from the measure on. */
  private void point(String device, Map<CurveKey, SortedMap<Long, RateValue>> points)
      throws PlanFormatException {
    var measure = StepText.constant(in, RateCurve.Measure.values(), RateCurve.Measure::word);
    Optional<ElementType> type =
        measure.typed()
            ? Optional.of(StepText.constant(in, ElementType.values(), ElementType::word))
            : Optional.empty();
    in.keyword("at");
    long size = in.longInteger("a size");
    double value = in.number("a number");
    var origin = origin();
    in.endOfStatement();
    var rate = in.valid(() -> new RateValue(value, origin));
    in.valid(() -> new RateCurve(measure, type, new TreeMap<>(Map.of(size, rate))));
    var before =
        points.computeIfAbsent(new CurveKey(measure, type), key -> new TreeMap<>()).put(size, rate);
    if (before != null) {
      throw in.fail(
          "device %s has two points of %s at %d, expected one"
              .formatted(device, measure.word(), size));
    }
  }

  private LinkSpec link() throws PlanFormatException {
    var from = in.name("a device");
    in.keyword("to");
    var to = in.name("a device");
    double rate = numberOf("rate");
    double latency = numberOf("latency");
    var origin = origin();
    in.endOfStatement();
    return in.valid(() -> new LinkSpec(from, to, rate, latency, origin));
  }

  private BatchShape batch() throws PlanFormatException {
    in.statementOf("batch");
    int sequences = in.integerOf("sequences");
    int microBatches = in.integerOf("micro-batches");
    int prompt = in.integerOf("prompt");
    int generate = in.integerOf("generate");
    int chunk = in.integerOf("prefill-chunk");
    boolean staggered = in.passes("staggered");
    in.endOfStatement();
    return in.valid(
        () -> new BatchShape(sequences, microBatches, prompt, generate, chunk, staggered));
  }

  // -- placement

  private List<WeightRegion> weights() throws PlanFormatException {
    in.statementOf("weights");
    in.endOfStatement();
    var weights = new ArrayList<WeightRegion>();
    while (in.inBlock("a weight")) {
      var weight = StepText.weight(in);
      in.keyword("layers");
      var layers = in.range("layers");
      in.keyword("rows");
      var rows = in.range("rows");
      in.keyword("on");
      var home = in.name("a device");
      in.keyword("as");
      var type = StepText.elementType(in);
      in.endOfStatement();
      weights.add(in.valid(() -> new WeightRegion(weight, layers, rows, home, type)));
    }
    return weights;
  }

  private List<KvRegion> kv() throws PlanFormatException {
    in.statementOf("kv");
    in.endOfStatement();
    var regions = new ArrayList<KvRegion>();
    while (in.inBlock("'region'")) {
      in.keyword("region");
      var name = in.name("a region's name");
      in.keyword("layers");
      var layers = in.range("layers");
      in.keyword("sequences");
      var sequences = in.range("sequences");
      in.keyword("heads");
      var heads = in.range("heads");
      in.keyword("tokens");
      var tokens = in.range("tokens");
      in.keyword("on");
      var device = in.name("a device");
      in.keyword("attend-at");
      var attendAt = in.name("a device");
      var sparsity = sparsity();
      in.endOfStatement();
      regions.add(
          in.valid(
              () ->
                  new KvRegion(
                      name, layers, sequences, heads, tokens, device, attendAt, sparsity)));
    }
    return regions;
  }

  private Optional<Sparsity> sparsity() throws PlanFormatException {
    if (!in.passes("channels")) {
      return Optional.empty();
    }
    int channels = in.integer("a number of channels");
    double tokenShare = numberOf("token-share");
    return Optional.of(in.valid(() -> new Sparsity(channels, tokenShare)));
  }

  private List<Buffer> buffers() throws PlanFormatException {
    in.statementOf("buffers");
    in.endOfStatement();
    var buffers = new ArrayList<Buffer>();
    while (in.inBlock("'buffer'")) {
      in.keyword("buffer");
      var name = in.name("a buffer's name");
      in.keyword("on");
      var device = in.name("a device");
      in.keyword("for");
      var purpose = StepText.constant(in, Buffer.Purpose.values(), Buffer.Purpose::word);
      long bytes = bytesOf("bytes");
      int instances = in.integerOf("instances");
      in.endOfStatement();
      buffers.add(in.valid(() -> new Buffer(name, device, purpose, bytes, instances)));
    }
    return buffers;
  }

  /** Sections up to the block of shares, whose first line is passed. */
  private List<Section> sections() throws PlanFormatException {
    var sections = new ArrayList<Section>();
    while (true) {
      in.statement("'section' or 'shares'");
      if (in.passes("shares")) {
        in.endOfStatement();
        return sections;
      }
      if (!in.passes("section")) {
        throw in.found("'section' or 'shares'");
      }
      var name = in.name("a section's name");
      in.keyword("layers");
      var layers = in.range("layers");
      in.endOfStatement();
      var steps = new ArrayList<Step>();
      while (in.inBlock("a step")) {
        steps.add(StepText.parse(in));
        in.endOfStatement();
      }
      sections.add(in.valid(() -> new Section(name, layers, steps)));
    }
  }

  // -- what was asked and what is expected

  private List<Asked> shares() throws PlanFormatException {
    var shares = new ArrayList<Asked>();
    while (in.inBlock("'share'")) {
      in.keyword("share");
      var what = in.name("what is shared");
      in.keyword("on");
      var device = in.name("a device");
      in.keyword("asked");
      var asked = in.string("what was asked");
      double planned = numberOf("planned");
      double realised = numberOf("realised");
      long bytes = bytesOf("bytes");
      in.endOfStatement();
      shares.add(new Asked(what, device, asked, planned, realised, bytes));
    }
    return shares;
  }

  private Prediction predicted() throws PlanFormatException {
    in.statementOf("predicted");
    in.endOfStatement();
    double prefillSeconds = numberField("prefill-seconds");
    double decodeSeconds = numberField("decode-seconds");
    double prefill = numberField("prefill-tokens-per-second");
    double decode = numberField("decode-tokens-per-second");
    double throughput = numberField("throughput-tokens-per-second");
    var prefillBound = stringField("prefill-bound");
    var decodeBound = stringField("decode-bound");
    in.endOfBlock();
    return new Prediction(
        prefillSeconds, decodeSeconds, prefill, decode, throughput, prefillBound, decodeBound);
  }

  // -- fields

  private int countField(String keyword) throws PlanFormatException {
    in.statementOf(keyword);
    int value = in.integer(COUNT);
    in.endOfStatement();
    return value;
  }

  private double numberField(String keyword) throws PlanFormatException {
    in.statementOf(keyword);
    double value = in.number("a number");
    in.endOfStatement();
    return value;
  }

  private boolean yesNoField(String keyword) throws PlanFormatException {
    in.statementOf(keyword);
    boolean value = in.yesNo();
    in.endOfStatement();
    return value;
  }

  private String stringField(String keyword) throws PlanFormatException {
    in.statementOf(keyword);
    var value = in.string("a resource");
    in.endOfStatement();
    return value;
  }

  private double numberOf(String keyword) throws PlanFormatException {
    in.keyword(keyword);
    return in.number("a number");
  }

  private long bytesOf(String keyword) throws PlanFormatException {
    in.keyword(keyword);
    return in.longInteger("a number of bytes");
  }

  private Origin origin() throws PlanFormatException {
    return StepText.constant(in, Origin.values(), Origin::word);
  }
}
