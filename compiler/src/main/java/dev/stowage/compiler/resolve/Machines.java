package dev.stowage.compiler.resolve;

import dev.stowage.compiler.resolve.Values.Allowed;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.Unit;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.DeviceType;
import dev.stowage.dsl.script.Link;
import dev.stowage.dsl.script.LinkDirection;
import dev.stowage.dsl.script.Platform;
import dev.stowage.dsl.script.Property;
import dev.stowage.dsl.script.Quantity;
import dev.stowage.dsl.script.Scalar;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.LinkSpec;
import dev.stowage.plan.Machine;
import dev.stowage.plan.Origin;
import dev.stowage.plan.Rate;
import dev.stowage.plan.RateValue;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Devices and links of platforms, with what library types and settings say of them. */
final class Machines {
  /**
   * Properties that are rates of the cost model, by the word of the language. Decode attention is
   * said in FLOP/s and counted in bytes: keys and values in FP16, each head its own, take one FLOP
   * a byte (InstAttention, HPCA 2025, section III).
   */
  static final Map<String, Rate> RATES =
      Arrays.stream(Rate.values())
          .filter(rate -> rate.property().isPresent())
          .collect(
              Collectors.toUnmodifiableMap(
                  rate -> rate.property().orElseThrow(), Function.identity()));

  /** Of one transfer over PCIe, as the optimizer assumes for links that nobody declared. */
  private static final double CARD_LATENCY_SECONDS = 10e-6;

  private final Values values;
  private final List<Diagnostic> diagnostics;
  private final Map<String, Map<String, Allowed>> settings;
  private final Map<Device, List<String>> members = new LinkedHashMap<>();
  private final Map<String, RateValue> interfaces = new LinkedHashMap<>();

  /**
   * @param settings properties that a variant replaces, by device
   */
  Machines(
      Values values, List<Diagnostic> diagnostics, Map<String, Map<String, Allowed>> settings) {
    this.values = values;
    this.diagnostics = diagnostics;
    this.settings = settings;
  }

  /**
   * The names of a device's members: itself, or {@code inst[0]}, {@code inst[1]}, … of an array.
   */
  List<String> names(Device device) {
    return members.getOrDefault(device, List.of(device.getName()));
  }

  /** Where each device, or member of an array, is declared. */
  Map<String, SourceSpan> spans() {
    var spans = new LinkedHashMap<String, SourceSpan>();
    members.forEach((device, names) -> names.forEach(name -> spans.put(name, Spans.of(device))));
    return spans;
  }

  /**
   * @param platforms a device or link of one that says {@code from} refines what those before it
   *     declare by the same name
   */
  Machine machine(List<Platform> platforms) {
    var declared = new LinkedHashMap<String, List<Device>>();
    for (var platform : platforms) {
      for (var element : platform.getElements()) {
        if (element instanceof Device device) {
          declared.computeIfAbsent(device.getName(), name -> new ArrayList<>()).add(device);
        }
      }
    }
    var devices = new ArrayList<DeviceSpec>();
    declared.values().forEach(layers -> add(devices, layers));
    var links = new ArrayList<LinkSpec>();
    for (var platform : platforms) {
      for (var element : platform.getElements()) {
        if (element instanceof Link link) {
          add(links, link, platform.getImportURI() != null);
        }
      }
    }
    addInterfaces(devices, links);
    return new Machine(devices, links);
  }

  /** What a card's type says of its way to a host, where the platform has no link of its own. */
  private void addInterfaces(List<DeviceSpec> devices, List<LinkSpec> links) {
    var declared = List.copyOf(links);
    for (var card : devices) {
      var rate = interfaces.get(card.name());
      for (var host : devices) {
        if (rate != null && host.kind() == DeviceKind.HOST) {
          addMissing(declared, links, card.name(), host.name(), rate);
          addMissing(declared, links, host.name(), card.name(), rate);
        }
      }
    }
  }

  private static void addMissing(
      List<LinkSpec> declared, List<LinkSpec> links, String from, String to, RateValue rate) {
    if (declared.stream().noneMatch(link -> link.from().equals(from) && link.to().equals(to))) {
      links.add(new LinkSpec(from, to, rate.value(), CARD_LATENCY_SECONDS, rate.origin()));
    }
  }

  /**
   * @param layers declarations of one device; what a later one says holds
   */
  private void add(List<DeviceSpec> devices, List<Device> layers) {
    var device = layers.getLast();
    var names = new ArrayList<String>();
    var counts = layers.stream().map(Device::getCount).filter(Objects::nonNull).toList();
    if (counts.isEmpty()) {
      names.add(device.getName());
    } else {
      int count = (int) values.one(counts.getLast());
      for (int i = 0; i < count; i++) {
        names.add(device.getName() + "[" + i + "]");
      }
    }
    layers.forEach(layer -> members.put(layer, names));
    var properties = new LinkedHashMap<String, Property>();
    var curves = new Curves(values, diagnostics);
    boolean emulated = false;
    for (var layer : layers) {
      collect(layer.getType(), properties, curves, 0);
      curves.say(layer.getProperties());
      for (var property : layer.getProperties()) {
        if (property.isEmulated()) {
          repeats(layer, emulated, property);
          emulated = true;
        } else if (property.getAt() == null) {
          var before = properties.put(property.getName(), property);
          repeats(layer, before != null && same(before, property), property);
        }
      }
    }
    var set = settings.getOrDefault(device.getName(), Map.of());
    long memory = (long) number(set, properties, "memory", 0);
    if (memory <= 0) {
      diagnostics.add(Messages.noMemory(Spans.of(device), device.getName()));
    }
    long reserve = reserve(set, properties.get("reserve"), memory);
    if (reserve > memory) {
      diagnostics.add(Messages.reserveBeyondMemory(Spans.of(device), device.getName()));
      reserve = memory;
    }
    var path = Optional.ofNullable(properties.get("path")).map(Property::getText);
    var kind =
        switch (device.getKind()) {
          case GPU -> DeviceKind.GPU;
          case HOST -> DeviceKind.HOST;
          case DISK -> DeviceKind.DISK;
          case CSD -> DeviceKind.CSD;
        };
    var rates = rates(set, properties);
    double face = kind == DeviceKind.GPU ? number(set, properties, "interface", 0) : 0;
    for (var name : names) {
      if (face > 0) {
        interfaces.put(name, new RateValue(face, origin(properties.get("interface"))));
      }
      devices.add(
          new DeviceSpec(
              name,
              kind,
              Math.max(0, memory),
              reserve,
              path,
              emulated,
              rates,
              curves.without(set.keySet())));
    }
  }

  /** Says where the type of a device, or the file that its platform is from, says so already. */
  private void repeats(Device layer, boolean known, Property property) {
    if (!known) {
      return;
    }
    diagnostics.add(
        layer.eContainer() instanceof Platform platform && platform.getImportURI() != null
            ? Messages.saidByFile(Spans.of(property), Scope.text(property))
            : Messages.isDefault(Spans.of(property), Scope.text(property)));
  }

  /** Rates keep their origin in a plan, so that the same rate of another origin is another. */
  private static boolean same(Property one, Property other) {
    return RATES.containsKey(one.getName()) || one.getValue() == null || other.getValue() == null
        ? Scope.text(one).equals(Scope.text(other))
        : Scope.text(one.getValue()).equals(Scope.text(other.getValue()));
  }

  private static void collect(
      DeviceType type, Map<String, Property> properties, Curves curves, int depth) {
    if (type == null || depth > 32) {
      return;
    }
    collect(type.getBase(), properties, curves, depth + 1);
    curves.say(type.getProperties());
    for (var property : type.getProperties()) {
      if (property.getName() != null && property.getAt() == null) {
        properties.put(property.getName(), property);
      }
    }
  }

  private double number(
      Map<String, Allowed> set, Map<String, Property> properties, String name, double otherwise) {
    if (set.containsKey(name)) {
      return set.get(name).low();
    }
    var property = properties.get(name);
    return property == null || property.getValue() == null
        ? otherwise
        : values.one(property.getValue());
  }

  /** An amount, or a share of the memory. */
  private long reserve(Map<String, Allowed> set, Property property, long memory) {
    if (set.containsKey("reserve")) {
      return (long) set.get("reserve").low();
    }
    if (property == null || property.getValue() == null) {
      return 0;
    }
    double value = values.one(property.getValue());
    return (long) Math.ceil(isShare(property.getValue()) ? value * memory : value);
  }

  private static boolean isShare(Scalar scalar) {
    return scalar instanceof Quantity quantity
        && quantity.getUnit() != null
        && Unit.of(quantity.getUnit()).orElseThrow().dimension() == Unit.Dimension.SHARE;
  }

  private Map<Rate, RateValue> rates(Map<String, Allowed> set, Map<String, Property> properties) {
    var rates = new EnumMap<Rate, RateValue>(Rate.class);
    properties.forEach(
        (name, property) -> {
          var rate = RATES.get(name);
          if (rate != null && property.getValue() != null) {
            double value = values.one(property.getValue());
            if (value > 1 && isShare(property.getValue())) {
              diagnostics.add(Messages.moreThanAll(Spans.of(property), name));
            } else if (value > 0) {
              rates.put(rate, new RateValue(value, origin(property)));
            } else {
              diagnostics.add(Messages.rateNotPositive(Spans.of(property), name));
            }
          }
        });
    double channels = number(set, properties, "channels", 0);
    double channelRate = number(set, properties, "channel-bandwidth", 0);
    if (channels > 0 && channelRate > 0) {
      rates.put(
          Rate.INTERNAL_READ,
          new RateValue(channels * channelRate, origin(properties.get("channel-bandwidth"))));
    }
    set.forEach(
        (name, value) -> {
          var rate = RATES.get(name);
          if (rate != null) {
            rates.put(rate, new RateValue(value.low(), Origin.ASSUMED));
          }
        });
    return rates;
  }

  static Origin origin(Property property) {
    return property == null || property.getProvenance() == null
        ? Origin.ASSUMED
        : switch (property.getProvenance().getOrigin()) {
          case SPEC -> Origin.SPEC;
          case MEASURED -> Origin.MEASURED;
          case FITTED -> Origin.FITTED;
          case ASSUMED -> Origin.ASSUMED;
        };
  }

  /**
   * @param replaces whether what is known of the same direction gives way
   */
  private void add(List<LinkSpec> links, Link link, boolean replaces) {
    double rate = 0;
    double latency = 0;
    Origin origin = Origin.ASSUMED;
    for (var property : link.getProperties()) {
      if ("rate".equals(property.getName())) {
        rate = values.one(property.getValue());
        origin = origin(property);
      } else if ("latency".equals(property.getName())) {
        latency = values.one(property.getValue());
      }
    }
    if (!(rate > 0)) {
      diagnostics.add(Messages.linkWithoutRate(Spans.of(link)));
      return;
    }
    for (var from : names(link.getFrom())) {
      for (var to : names(link.getTo())) {
        add(links, new LinkSpec(from, to, rate, latency, origin), replaces);
        if (link.getDirection() == LinkDirection.BOTH) {
          add(links, new LinkSpec(to, from, rate, latency, origin), replaces);
        }
      }
    }
  }

  private static void add(List<LinkSpec> links, LinkSpec link, boolean replaces) {
    if (replaces) {
      links.removeIf(one -> one.from().equals(link.from()) && one.to().equals(link.to()));
    }
    links.add(link);
  }
}
