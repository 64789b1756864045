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
import dev.stowage.plan.Op;
import dev.stowage.plan.Origin;
import dev.stowage.plan.Prediction;
import dev.stowage.plan.Range;
import dev.stowage.plan.Rate;
import dev.stowage.plan.RateCurve;
import dev.stowage.plan.RateValue;
import dev.stowage.plan.RopePairs;
import dev.stowage.plan.RopeScaling;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.Section;
import dev.stowage.plan.Sparsity;
import dev.stowage.plan.Step;
import dev.stowage.plan.StoredTypes;
import dev.stowage.plan.Weight;
import dev.stowage.plan.WeightRegion;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** Plans of valid records and arbitrary values; few of them hold together. */
final class RandomPlans {
  private static final String ODD = "aé\"\\ \n\r\t\u0000\u2028\u00a0😀\ud800\udc00{}#'writesend";

  private final Random random;

  RandomPlans(long seed) {
    random = new Random(seed);
  }

  ExecutablePlan plan() {
    var machine = machine();
    return new ExecutablePlan(
        string(),
        switch (random.nextInt(3)) {
          case 0 -> new ModelSource.HuggingFace(string(), string());
          case 1 -> new ModelSource.Gguf(string(), string());
          default -> new ModelSource.ShapeOnly(string());
        },
        shape(),
        machine,
        batch(),
        pick(ElementType.values()),
        list(
            () ->
                new WeightRegion(
                    pick(Weight.values()),
                    nonEmpty(),
                    nonEmpty(),
                    operand(),
                    pick(ElementType.values()))),
        list(
            () ->
                new KvRegion(
                    name(),
                    nonEmpty(),
                    nonEmpty(),
                    nonEmpty(),
                    nonEmpty(),
                    operand(),
                    operand(),
                    random.nextBoolean()
                        ? Optional.of(
                            new Sparsity(1 + random.nextInt(256), 1 - random.nextDouble()))
                        : Optional.empty())),
        list(
            () ->
                new Buffer(
                    name(),
                    operand(),
                    pick(Buffer.Purpose.values()),
                    random.nextLong(1L << 40),
                    1 + random.nextInt(1 << 20))),
        list(() -> new Section(name(), range(), list(this::step))),
        list(
            () -> new Asked(operand(), operand(), string(), number(), number(), random.nextLong())),
        new Prediction(number(), number(), number(), number(), number(), string(), string()));
  }

  Schedule schedule() {
    var lanes = list(this::operand).stream().distinct().toList();
    Schedule.Order order =
        switch (random.nextInt(4)) {
          case 0 -> new Schedule.Order.ZigZag();
          case 1 -> new Schedule.Order.RowByRow();
          case 2 -> new Schedule.Order.Pipeline();
          default -> new Schedule.Order.Word(random.ints(random.nextInt(100)).boxed().toList());
        };
    var writeBack = new HashMap<String, Integer>();
    list(this::operand).forEach(device -> writeBack.put(device, 1 + random.nextInt(99)));
    var pageable = EnumSet.copyOf(Schedule.LOCKABLE);
    pageable.removeIf(purpose -> random.nextBoolean());
    return new Schedule(order, random.nextInt(Integer.MAX_VALUE), lanes, writeBack, pageable);
  }

  private ModelShape shape() {
    int kvHeads = 1 + random.nextInt(8);
    int heads = kvHeads * (1 + random.nextInt(4));
    var family = pick(Family.values());
    int hidden = 1 + random.nextInt(9999);
    int layers = 1 + random.nextInt(100);
    return new ModelShape(
        family,
        layers,
        hidden,
        family.isOpt() ? 1 + random.nextInt(9999) : hidden,
        1 + random.nextInt(9999),
        heads,
        kvHeads,
        2 + 2 * random.nextInt(64),
        1 + random.nextInt(99999),
        1 + random.nextInt(99999),
        number(),
        number(),
        switch (random.nextInt(4)) {
          case 0 -> new RopeScaling.Factors();
          case 3 -> new RopeScaling.None();
          case 1 -> new RopeScaling.Linear(1 + random.nextDouble());
          default ->
              new RopeScaling.Llama3(
                  1 + random.nextDouble(),
                  1 + random.nextDouble(),
                  2 + random.nextDouble(),
                  1 + random.nextInt(99999));
        },
        pick(RopePairs.values()),
        random.nextBoolean(),
        random.nextBoolean(),
        random.nextBoolean(),
        random.nextBoolean(),
        random.nextBoolean() ? Optional.empty() : Optional.of(random.nextInt()),
        stored(layers));
  }

  private StoredTypes stored(int layers) {
    var types = new EnumMap<Weight, List<ElementType>>(Weight.class);
    var numbers = new EnumMap<Weight, Long>(Weight.class);
    for (var weight : Weight.values()) {
      int count = weight.perLayer() ? layers : 1;
      types.put(weight, Stream.generate(() -> pick(ElementType.values())).limit(count).toList());
      numbers.put(weight, random.nextLong(1L << 30));
    }
    return StoredTypes.of(types, numbers);
  }

  private List<RateCurve> curves() {
    var curves = new ArrayList<RateCurve>();
    for (var measure : RateCurve.Measure.values()) {
      var points = new TreeMap<Long, RateValue>();
      for (int i = random.nextInt(4); i > 0; i--) {
        points.put(
            1 + random.nextLong(Long.MAX_VALUE - 1),
            new RateValue(positive(), pick(Origin.values())));
      }
      if (!points.isEmpty()) {
        var type =
            measure.typed()
                ? Optional.of(pick(ElementType.values()))
                : Optional.<ElementType>empty();
        curves.add(new RateCurve(measure, type, points));
      }
    }
    return curves;
  }

  private Machine machine() {
    var devices = new ArrayList<DeviceSpec>();
    int count = 1 + random.nextInt(4);
    for (int i = 0; i < count; i++) {
      var rates = new EnumMap<Rate, RateValue>(Rate.class);
      for (var rate : Rate.values()) {
        if (random.nextBoolean()) {
          rates.put(rate, new RateValue(positive(), pick(Origin.values())));
        }
      }
      long capacity = random.nextLong(Long.MAX_VALUE);
      devices.add(
          new DeviceSpec(
              random.nextBoolean() ? "d[" + i + "]" : "_d-" + i,
              pick(DeviceKind.values()),
              capacity,
              random.nextLong(capacity),
              random.nextBoolean() ? Optional.empty() : Optional.of(string()),
              random.nextBoolean(),
              rates,
              curves()));
    }
    var links =
        list(
            () ->
                new LinkSpec(
                    devices.get(random.nextInt(count)).name(),
                    devices.get(random.nextInt(count)).name(),
                    random.nextInt(5) == 0 ? Double.POSITIVE_INFINITY : positive(),
                    random.nextBoolean() ? 0.0 : positive(),
                    pick(Origin.values())));
    return new Machine(devices, links);
  }

  private BatchShape batch() {
    int sequences = 1 + random.nextInt(1000);
    return new BatchShape(
        sequences,
        1 + random.nextInt(sequences),
        1 + random.nextInt(1000),
        random.nextInt(1000),
        1 + random.nextInt(1000),
        random.nextBoolean());
  }

  private Step step() {
    return switch (random.nextInt(5)) {
      case 0 ->
          new Step.Load(
              pick(Weight.values()), range(), pick(ElementType.values()), operand(), operand());
      case 1 -> new Step.Attend(operand(), operand(), operand());
      case 2 -> new Step.Append(operand(), operand(), operand());
      case 3 -> new Step.Copy(operand(), operand());
      default -> new Step.Compute(op(), operand(), list(this::operand), operand());
    };
  }

  private Op op() {
    var qOrK = random.nextBoolean() ? Weight.Q : Weight.K;
    return switch (random.nextInt(12)) {
      case 0 -> new Op.Embed();
      case 1 -> new Op.AddPositions();
      case 2 -> new Op.Pick();
      case 3 -> new Op.Normalize(pick(Op.Norm.values()));
      case 4 -> new Op.MatMul(pick(Weight.values()), nonEmpty());
      case 5 -> new Op.NormalizeHeads(qOrK);
      case 6 -> new Op.Rotate(qOrK);
      case 7 -> new Op.AttendPass();
      case 8 -> new Op.Merge();
      case 9 -> new Op.Finish();
      case 10 -> new Op.Activate();
      default -> new Op.Add();
    };
  }

  private <T> List<T> list(Supplier<T> element) {
    var list = new ArrayList<T>();
    for (int i = random.nextInt(5); i > 0; i--) {
      list.add(element.get());
    }
    return list;
  }

  private Range range() {
    int from = random.nextInt(1000);
    return new Range(from, from + random.nextInt(1000));
  }

  private Range nonEmpty() {
    int from = random.nextInt(1000);
    return new Range(from, from + 1 + random.nextInt(1000));
  }

  private String name() {
    return pick(new String[] {"a", "_", "writes", "end", "kv.0", "x-y_z.9"}) + random.nextInt(9);
  }

  /** Operands are any string; most are names. */
  private String operand() {
    return random.nextInt(4) == 0
        ? pick(new String[] {"writes", "end", "reads", "", "0..1", "a b", string()})
        : name();
  }

  private String string() {
    var string = new StringBuilder();
    for (int i = random.nextInt(12); i > 0; i--) {
      string.append(ODD.charAt(random.nextInt(ODD.length())));
    }
    return string.toString();
  }

  private double number() {
    return switch (random.nextInt(6)) {
      case 0 -> Double.longBitsToDouble(random.nextLong());
      case 1 -> pick(new Double[] {Double.NaN, Double.POSITIVE_INFINITY, -0.0, Double.MIN_VALUE});
      case 2 -> random.nextInt();
      default -> random.nextDouble();
    };
  }

  private double positive() {
    return Math.abs(random.nextGaussian()) * 1e9 + Double.MIN_VALUE;
  }

  private <T> T pick(T[] values) {
    return values[random.nextInt(values.length)];
  }
}
