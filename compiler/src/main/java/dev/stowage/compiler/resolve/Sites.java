package dev.stowage.compiler.resolve;

import dev.stowage.compiler.Settings;
import dev.stowage.dsl.Platforms;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.TextEdit;
import dev.stowage.dsl.script.Attention;
import dev.stowage.dsl.script.Auto;
import dev.stowage.dsl.script.Comparison;
import dev.stowage.dsl.script.Constraint;
import dev.stowage.dsl.script.Dense;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.Order;
import dev.stowage.dsl.script.Param;
import dev.stowage.dsl.script.ParamRef;
import dev.stowage.dsl.script.PlaceRule;
import dev.stowage.dsl.script.Preference;
import dev.stowage.dsl.script.Quantity;
import dev.stowage.dsl.script.Range;
import dev.stowage.dsl.script.Schedule;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.ScriptPackage;
import dev.stowage.dsl.script.Setting;
import dev.stowage.dsl.script.Share;
import dev.stowage.dsl.script.Test;
import dev.stowage.dsl.script.ValueSet;
import dev.stowage.dsl.script.Variant;
import dev.stowage.dsl.script.Workload;
import dev.stowage.dsl.script.WorkloadItem;
import dev.stowage.optimizer.Limit;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DeviceSpec;
import java.math.BigDecimal;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import org.eclipse.emf.ecore.EObject;

/**
 * Where in a text a limit could be loosened: its numbers, those of the parameters that stand for
 * them, and what it says besides numbers. A later statement of the chosen variant or test comes
 * before what it replaces.
 */
public final class Sites {
  /** A change that may make a plan feasible. */
  public sealed interface Site {
    /** Whether it changes what the author decided, and not what a machine or a workload is. */
    boolean isDecision();

    /** Another number in the place of one. */
    record Number(
        BigDecimal old,
        String unit,
        boolean isDecision,
        String context,
        Function<BigDecimal, List<TextEdit>> edits)
        implements Site {
      /** Whether it counts something. */
      public boolean whole() {
        return unit.isEmpty() && old.stripTrailingZeros().scale() <= 0 || unit.equals("tok");
      }
    }

    /** Other words. */
    record Words(String title, List<TextEdit> edits, boolean isDecision) implements Site {}
  }

  private final Script script;
  private final String text;
  private final String file;
  private final Settings settings;
  private final List<DeviceSpec> devices;

  /** What holds besides the plan's own statements, in order: variants, then a test. */
  private final List<EObject> changes = new ArrayList<>();

  /**
   * @param file the name that spans give the text
   * @param devices of the machine
   */
  public Sites(
      Script script,
      String file,
      Settings settings,
      Optional<String> test,
      List<DeviceSpec> devices) {
    this.script = script;
    this.text = Spans.source(script);
    this.file = file;
    this.settings = settings;
    this.devices = devices;
    var tested = test.flatMap(name -> first(Test.class, t -> t.getName().equals(name)));
    var chosen =
        tested
            .flatMap(t -> Optional.ofNullable(t.getVariant()))
            .or(
                () ->
                    settings
                        .variant()
                        .flatMap(n -> first(Variant.class, v -> v.getName().equals(n))));
    var chain = new ArrayDeque<Variant>();
    for (var v = chosen.orElse(null); v != null && !chain.contains(v); v = v.getBase()) {
      chain.push(v);
    }
    chain.forEach(v -> changes.addAll(v.getChanges()));
    tested.ifPresent(t -> changes.addAll(t.getChanges()));
  }

  private <T> Optional<T> first(Class<T> type, java.util.function.Predicate<T> wanted) {
    return script.getStatements().stream()
        .filter(type::isInstance)
        .map(type::cast)
        .filter(wanted)
        .findFirst();
  }

  /** What says how many sequences run together, if anything does. */
  public Optional<SourceSpan> batch() {
    return item("batch").or(this::byColumns).map(Spans::of);
  }

  /** What says something of the workload: a setting, or else the last item. */
  private Optional<EObject> item(String name) {
    EObject found = null;
    for (var statement :
        Stream.concat(script.getStatements().stream(), changes.stream()).toList()) {
      if (statement instanceof Workload workload) {
        found = workload.isOverride() ? null : found;
        for (var item : workload.getItems()) {
          found = item.getName().equals(name) ? item : found;
        }
      }
    }
    var set = setting(s -> s.getTarget() instanceof Workload && name.equals(s.getProperty()));
    return set.isPresent() ? set.map(EObject.class::cast) : Optional.ofNullable(found);
  }

  /** {@code order column} runs all requests together. */
  private Optional<EObject> byColumns() {
    return Stream.concat(script.getStatements().stream(), changes.stream())
        .filter(Schedule.class::isInstance)
        .flatMap(s -> ((Schedule) s).getItems().stream())
        .filter(item -> item instanceof Order order && order.getOrder().equals("column"))
        .map(EObject.class::cast)
        .findFirst();
  }

  private Optional<Setting> setting(java.util.function.Predicate<Setting> wanted) {
    return changes.stream()
        .filter(Setting.class::isInstance)
        .map(Setting.class::cast)
        .filter(wanted)
        .reduce((first, last) -> last);
  }

  /** Where a limit could be loosened, the smallest changes of the text first. */
  public List<Site> of(Limit limit) {
    var sites = new ArrayList<Site>();
    switch (limit) {
      case Limit.Batch() -> item("batch").ifPresent(item -> addItem(item, true, sites));
      case Limit.Memory(var names) -> addMemory(names, sites);
      case Limit.Statement(var source) -> {
        var said =
            source.file().equals(file)
                ? at(source.offset(), source.length())
                : Optional.<EObject>empty();
        said.ifPresent(statement -> addStatement(statement, sites));
      }
    }
    sites.removeIf(site -> site instanceof Site.Words words && !isOwn(words.edits()));
    sites.removeIf(
        site -> site instanceof Site.Number number && !isOwn(number.edits().apply(number.old())));
    return sites;
  }

  /** Where the lengths of the workload are said, which decide how large the KV cache becomes. */
  public List<Site> lengths() {
    var sites = new ArrayList<Site>();
    for (var name : List.of("prompt", "generate")) {
      item(name).ifPresent(item -> addItem(item, false, sites));
    }
    return sites;
  }

  private boolean isOwn(List<TextEdit> edits) {
    return edits.stream().allMatch(edit -> edit.span().file().equals(file));
  }

  /** The statement that a source of the optimizer stands for. */
  private Optional<EObject> at(int offset, int length) {
    var all = script.eAllContents();
    while (all.hasNext()) {
      var one = all.next();
      switch (one) {
        case Share _, PlaceRule _, Constraint _, Attention _ -> {
          var span = Spans.of(one);
          if (span.offset() == offset && span.length() == length) {
            return Optional.of(one);
          }
        }
        default -> {}
      }
    }
    return Optional.empty();
  }

  private void addStatement(EObject statement, List<Site> sites) {
    switch (statement) {
      case Share share when share.eContainer() instanceof PlaceRule rule -> {
        addShare(share, rule, sites);
        addDevices(rule, sites);
      }
      case PlaceRule rule when !(rule.eContainer() instanceof Preference) -> {
        rule.getShares().forEach(share -> addShare(share, rule, sites));
        addDevices(rule, sites);
      }
      case Constraint c -> addNumbers(c, "", c.getValue(), true, 0, sites);
      case Attention a when a.getMode() == null || a.getMode() instanceof Dense ->
          addWords(
              "attention " + a.getPhase().getLiteral() + " auto",
              List.of(
                  new TextEdit(Spans.of(a), "attention " + a.getPhase().getLiteral() + " auto")),
              sites);
      default -> {}
    }
  }

  private static void addWords(String title, List<TextEdit> edits, List<Site> sites) {
    sites.add(new Site.Words(title, edits, true));
  }

  private void addShare(Share share, PlaceRule rule, List<Site> sites) {
    var subject = subject(rule);
    addNumbers(share, subject, share.getAmount(), true, 0, sites);
    var exact = rule.getShares().stream().filter(Sites::isExact).toList();
    var amount = Spans.of(share.getAmount());
    if (exact.contains(share) && share.getAmount() instanceof Quantity quantity) {
      var unit = quantity.getUnit() == null ? "" : quantity.getUnit();
      if (rule.getShares().size() == 1) {
        for (var name : others(rule)) {
          sites.add(
              new Site.Number(
                  quantity.getNumber(),
                  unit,
                  true,
                  subject + share.getDevice().getName() + " \0" + unit + ", " + name + " auto",
                  v ->
                      List.of(
                          new TextEdit(amount, v.toPlainString() + unit + ", " + name + " auto"))));
        }
      }
      sites.add(
          new Site.Number(
              quantity.getNumber(),
              unit,
              true,
              subject + share.getDevice().getName() + " >= \0",
              v -> List.of(new TextEdit(amount, ">= " + v.toPlainString() + unit))));
    }
    if (exact.contains(share)) {
      addWords(
          subject + share.getDevice().getName() + " auto",
          List.of(new TextEdit(amount, "auto")),
          sites);
      if (exact.size() > 1) {
        addWords(
            subject
                + String.join(
                    ", ", exact.stream().map(s -> s.getDevice().getName() + " auto").toList()),
            exact.stream().map(s -> new TextEdit(Spans.of(s.getAmount()), "auto")).toList(),
            sites);
      }
    }
  }

  /** Devices that a rule leaves out, and by that forbids. */
  private void addDevices(PlaceRule rule, List<Site> sites) {
    if (rule.getShares().stream().allMatch(s -> s.getAmount() instanceof Comparison)) {
      return;
    }
    var end = Spans.of(rule.getShares().getLast());
    var after =
        new SourceSpan(
            end.file(), end.offset() + end.length(), 0, end.line(), end.column() + end.length());
    for (var name : others(rule)) {
      addWords(
          "allow " + subject(rule) + name,
          List.of(new TextEdit(after, ", " + name + " auto")),
          sites);
    }
  }

  /** Devices that a rule does not name, in the order in which they are asked. */
  private List<String> others(PlaceRule rule) {
    var listed = rule.getShares().stream().map(s -> s.getDevice().getName()).toList();
    return Stream.of(DeviceKind.HOST, DeviceKind.DISK, DeviceKind.GPU, DeviceKind.CSD)
        .flatMap(kind -> devices.stream().filter(d -> d.kind() == kind))
        .map(d -> array(d.name()))
        .distinct()
        .filter(name -> !listed.contains(name))
        .toList();
  }

  /** {@code weights of layers[0..3] on } of a rule. */
  private static String subject(PlaceRule rule) {
    var words = new StringBuilder(rule.getSubject().getLiteral());
    if (!rule.getSelectors().isEmpty()) {
      words.append(" of ");
      words.append(String.join(", ", rule.getSelectors().stream().map(Spans::text).toList()));
    }
    return words.append(" on ").toString();
  }

  private static boolean isExact(Share share) {
    return share.getAmount() instanceof Quantity
        || share.getAmount() instanceof ParamRef
        || share.getAmount() instanceof Comparison c
            && c.getOperator() == dev.stowage.dsl.script.Operator.EQUAL;
  }

  private void addItem(EObject item, boolean decision, List<Site> sites) {
    switch (item) {
      case WorkloadItem one when one.getDistribution() != null -> {
        var longest = one.getDistribution().getPoints().getLast();
        addNumbers(longest, one.getName() + " ", longest.getValue(), decision, 0, sites);
      }
      case WorkloadItem one -> addNumbers(one, "", one.getValue(), decision, 0, sites);
      case Setting one -> addNumbers(one, "", one.getValue(), decision, 0, sites);
      default -> {}
    }
  }

  private void addMemory(List<String> names, List<Site> sites) {
    var name = array(names.getFirst());
    var set =
        setting(
            s ->
                s.getTarget() instanceof Device d
                    && d.getName().equals(name)
                    && "memory".equals(s.getProperty()));
    if (set.isPresent()) {
      addNumbers(set.get(), "", set.get().getValue(), false, 0, sites);
      return;
    }
    var layers =
        Stream.concat(Platforms.importedBy(script).stream(), script.getStatements().stream())
            .filter(dev.stowage.dsl.script.Platform.class::isInstance)
            .flatMap(p -> ((dev.stowage.dsl.script.Platform) p).getElements().stream())
            .filter(e -> e instanceof Device d && d.getName().equals(name))
            .map(Device.class::cast)
            .toList();
    for (var layer : layers.reversed()) {
      for (var property : layer.getProperties()) {
        if ("memory".equals(property.getName()) && property.getValue() != null) {
          addNumbers(property, name + ": ", property.getValue(), false, 0, sites);
          return;
        }
      }
    }
    if (!layers.isEmpty()) {
      addMemoryToType(layers.getLast(), names.getFirst(), sites);
    }
  }

  /** A device that has its memory from its type can say another. */
  private void addMemoryToType(Device layer, String member, List<Site> sites) {
    var span = Spans.of(layer);
    var words =
        text.substring(span.offset(), Math.min(text.length(), span.offset() + span.length()));
    int brace = words.indexOf('{');
    int at = span.offset() + (brace < 0 ? span.length() : brace + 1);
    var where = new SourceSpan(span.file(), at, 0, span.line(), span.column() + at - span.offset());
    var capacity =
        devices.stream()
            .filter(d -> d.name().equals(member))
            .map(d -> BigDecimal.valueOf(d.capacityBytes()).divide(BigDecimal.valueOf(1L << 30)))
            .findFirst();
    capacity.ifPresent(
        gib ->
            sites.add(
                new Site.Number(
                    gib,
                    " GiB",
                    false,
                    layer.getName() + ": memory \0",
                    v -> {
                      var memory = "memory " + v.toPlainString() + " GiB";
                      return List.of(
                          new TextEdit(where, brace < 0 ? " { " + memory + " }" : " " + memory));
                    })));
  }

  // -- numbers

  /**
   * The numbers of a value; of a parameter, those that it is set to.
   *
   * @param context what a title quotes
   */
  private void addNumbers(
      EObject context,
      String before,
      ValueSet value,
      boolean decision,
      int depth,
      List<Site> sites) {
    switch (value) {
      case Quantity quantity ->
          addNumber(context, before, quantity, decision, v -> List.of(), sites);
      case Comparison c -> addNumbers(context, before, c.getValue(), decision, depth, sites);
      case Range range -> {
        addNumbers(context, before, range.getLow(), decision, depth, sites);
        addNumbers(context, before, range.getHigh(), decision, depth, sites);
      }
      case Auto auto when auto.getDomain() != null ->
          addNumbers(context, before, auto.getDomain(), decision, depth, sites);
      case ParamRef reference when depth < 8 ->
          addParam(reference.getParam(), decision, depth, sites);
      case null, default -> {}
    }
  }

  private void addParam(Param param, boolean decision, int depth, List<Site> sites) {
    if (settings.values().containsKey(param.getName())) {
      return; // from outside: no text of this file decides it
    }
    var set = setting(s -> s.getTarget() == param);
    if (set.isPresent()) {
      addNumbers(set.get(), "", set.get().getValue(), decision, depth + 1, sites);
      return;
    }
    if (param.getValue() instanceof Quantity quantity && param.getDomain() != null) {
      addNumber(param, "", quantity, decision, v -> widened(param.getDomain(), quantity, v), sites);
    } else if (param.getValue() != null) {
      addNumbers(param, "", param.getValue(), decision, depth + 1, sites);
    }
    if (param.getDomain() != null && param.getValue() == null) {
      addNumbers(param, "", param.getDomain(), decision, depth + 1, sites);
    }
  }

  /** A parameter's range has to hold its default. */
  private static List<TextEdit> widened(Range domain, Quantity like, BigDecimal value) {
    for (var bound : List.of(domain.getLow(), domain.getHigh())) {
      if (bound instanceof Quantity quantity
          && Objects.equals(quantity.getUnit(), like.getUnit())
          && (bound == domain.getLow()
              ? value.compareTo(quantity.getNumber()) < 0
              : value.compareTo(quantity.getNumber()) > 0)) {
        return List.of(new TextEdit(numberOf(quantity), value.toPlainString()));
      }
    }
    return List.of();
  }

  private void addNumber(
      EObject context,
      String before,
      Quantity quantity,
      boolean decision,
      Function<BigDecimal, List<TextEdit>> beside,
      List<Site> sites) {
    var number = numberOf(quantity);
    var span = Spans.of(context);
    if (!span.file().equals(file)) {
      return;
    }
    var quoted =
        before
            + (text.substring(span.offset(), number.offset())
                    + "\0"
                    + text.substring(
                        number.offset() + number.length(), span.offset() + span.length()))
                .replaceAll("\\s+", " ")
                .strip();
    sites.add(
        new Site.Number(
            quantity.getNumber(),
            quantity.getUnit() == null ? "" : quantity.getUnit(),
            decision,
            quoted,
            v ->
                Stream.concat(
                        Stream.of(new TextEdit(number, v.toPlainString())),
                        beside.apply(v).stream())
                    .toList()));
  }

  private static SourceSpan numberOf(Quantity quantity) {
    return Spans.of(quantity, ScriptPackage.Literals.QUANTITY__NUMBER).orElseThrow();
  }

  private static String array(String device) {
    return device.replaceAll("\\[[0-9]+]$", "");
  }
}
