package dev.stowage.compiler.resolve;

import dev.stowage.compiler.Settings;
import dev.stowage.compiler.resolve.Values.Allowed;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.StowParser;
import dev.stowage.dsl.script.Attention;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.Gguf;
import dev.stowage.dsl.script.HeaderKind;
import dev.stowage.dsl.script.HuggingFace;
import dev.stowage.dsl.script.Link;
import dev.stowage.dsl.script.Model;
import dev.stowage.dsl.script.Order;
import dev.stowage.dsl.script.Overlap;
import dev.stowage.dsl.script.Param;
import dev.stowage.dsl.script.Phase;
import dev.stowage.dsl.script.Pin;
import dev.stowage.dsl.script.Prefetch;
import dev.stowage.dsl.script.Quantize;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.Setting;
import dev.stowage.dsl.script.Shape;
import dev.stowage.dsl.script.Sparse;
import dev.stowage.dsl.script.Subject;
import dev.stowage.dsl.script.Variant;
import dev.stowage.dsl.script.WorkloadItem;
import dev.stowage.dsl.script.WriteBack;
import dev.stowage.optimizer.Bounds;
import dev.stowage.optimizer.Choices;
import dev.stowage.optimizer.Problem;
import dev.stowage.optimizer.Source;
import dev.stowage.optimizer.Workload;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Machine;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.ModelSource;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.model.ModelFolder;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.plan.model.ModelShapes;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.xtext.nodemodel.util.NodeModelUtils;

/** Resolves one script. Collects every problem it can find before it gives up. */
public final class Resolver {
  private static final int DEFAULT_PROMPT = 128;
  private static final int DEFAULT_GENERATE = 64;
  private static final int MOST_SEQUENCES = 512;
  private static final int MOST_MICRO_BATCHES = 8;

  private final Script script;
  private final Path file;
  private final Settings settings;
  private final List<Diagnostic> diagnostics = new ArrayList<>();
  private final Values values = new Values();
  private final Map<Source, SourceSpan> spans = new HashMap<>();
  private final SourceSpan planSpan;

  private Resolver(Script script, Path file, Settings settings) {
    this.script = script;
    this.file = file;
    this.settings = settings;
    planSpan =
        script.getHeader() == null
            ? SourceSpan.startOf(file.toAbsolutePath().normalize().toString())
            : Spans.of(script.getHeader());
  }

  /**
   * What resolving a script yields.
   *
   * @param resolved empty if any diagnostic is an error
   */
  public record Resolution(Optional<Resolved> resolved, List<Diagnostic> diagnostics) {
    public Resolution {
      diagnostics = List.copyOf(diagnostics);
    }
  }

  /**
   * @param script without errors of its own
   * @param file where it was read from; its folder is where relative paths start
   */
  public static Resolution resolve(Script script, Path file, Settings settings) {
    var resolver = new Resolver(script, file, settings);
    var resolved = resolver.resolve();
    boolean errors = resolver.diagnostics.stream().anyMatch(Diagnostic::isError);
    return new Resolution(errors ? Optional.empty() : resolved, resolver.diagnostics);
  }

  private Optional<Resolved> resolve() {
    if (script.getHeader() == null || script.getHeader().getKind() != HeaderKind.PLAN) {
      diagnostics.add(Messages.noPlan(planSpan));
      return Optional.empty();
    }
    var variant = variant();
    if (variant == null) {
      return Optional.empty();
    }
    var statements = Statements.of(script, variant);
    var deviceSettings = applySettings(statements);
    diagnostics.addAll(Lint.check(script, statements));

    var machines = new Machines(values, diagnostics, deviceSettings);
    var platforms = new ArrayList<>(statements.platforms);
    if (platforms.isEmpty()) {
      diagnostics.add(
          Messages.missing(planSpan, "platform", "platform laptop { host ram { memory 8 GiB } }"));
    }
    for (var platform : List.copyOf(platforms)) {
      if (platform.getImportURI() != null) {
        diagnostics.add(Messages.notYet(Spans.of(platform), "'platform … from'"));
      }
    }
    Machine machine = machines.machine(platforms);
    if (machine.devices().stream().noneMatch(d -> d.kind() == DeviceKind.HOST)) {
      diagnostics.add(
          Messages.noHost(platforms.isEmpty() ? planSpan : Spans.of(platforms.getFirst())));
    }
    var model = model(statements.models);
    if (model.isEmpty() || diagnostics.stream().anyMatch(Diagnostic::isError)) {
      return Optional.empty();
    }
    return resolve(statements, machines, machine, model.get());
  }

  private Optional<Resolved> resolve(
      Statements statements, Machines machines, Machine machine, ModelFound model) {
    boolean canRun = model.folder().isPresent();
    var kvType = kvType(model.shape());
    statements.tests.forEach(test -> later(canRun, test, "Running a plan's own tests"));
    for (var approximate : statements.approximations) {
      for (var item : approximate.getItems()) {
        switch (item) {
          case Quantize quantize ->
              later(
                  canRun,
                  quantize,
                  "Storing %s in %d bits".formatted(quantize.getSubject(), quantize.getBits()));
          default -> diagnostics.add(Messages.notYet(Spans.of(item), "Sparse attention"));
        }
      }
    }
    for (var platform : statements.platforms) {
      for (var element : platform.getElements()) {
        if (element instanceof Link link && link.isPeer()) {
          later(canRun, link, "A peer link, which passes host memory by,");
        }
      }
    }
    var workload = workload(statements, model.shape());
    var how = schedule(statements, machines, machine, canRun);
    var placement =
        new Placements(values, diagnostics, spans, machines, machine, model.shape(), canRun);
    var bounds = placement.bounds(statements.places, statements.objectives, how.attention());
    var objective = placement.objective(statements.objectives);
    var expectations = placement.expectations(statements.expectations);
    if (diagnostics.stream().anyMatch(Diagnostic::isError)) {
      return Optional.empty();
    }
    var problem =
        new Problem(
            machine,
            model.shape(),
            kvType,
            workload,
            how.compute(),
            how.order(),
            how.prefetch(),
            bounds,
            objective);
    return Optional.of(
        new Resolved(
            script.getHeader().getName(),
            problem,
            model.source(),
            model.folder(),
            how.overlap(),
            expectations,
            spans,
            machines.spans(),
            planSpan));
  }

  /**
   * Keys and values as exact as the weights: BF16 would lose bits that F32 sums have, so it is
   * widened.
   */
  static ElementType kvType(ModelShape shape) {
    return switch (shape.weightType()) {
      case F32, BF16 -> ElementType.F32;
      case F16, INT8, INT4 -> ElementType.F16;
    };
  }

  // -- variants, parameters, settings

  /** The chosen variant; {@code null} after an error. */
  private Optional<Variant> variant() {
    if (settings.variant().isEmpty()) {
      return Optional.empty();
    }
    var variants =
        script.getStatements().stream()
            .filter(Variant.class::isInstance)
            .map(Variant.class::cast)
            .toList();
    var name = settings.variant().get();
    var found = variants.stream().filter(v -> v.getName().equals(name)).findFirst();
    if (found.isEmpty()) {
      diagnostics.add(
          Messages.unknownVariant(
              planSpan, name, names(variants.stream().map(Variant::getName).toList())));
      return null;
    }
    return found;
  }

  private Map<Device, Map<String, Allowed>> applySettings(Statements statements) {
    var devices = new HashMap<Device, Map<String, Allowed>>();
    for (Setting setting : statements.settings) {
      switch (setting.getTarget()) {
        case Param param -> values.set(param, setting.getValue());
        case Device device ->
            devices
                .computeIfAbsent(device, d -> new HashMap<>())
                .put(setting.getProperty(), values.of(setting.getValue()));
        case null, default ->
            diagnostics.add(Messages.notYet(Spans.of(setting), "Setting a workload's item"));
      }
    }
    settings
        .values()
        .forEach(
            (name, text) -> {
              var param =
                  statements.params.stream().filter(p -> p.getName().equals(name)).findFirst();
              if (param.isEmpty()) {
                diagnostics.add(
                    Messages.unknownParameter(
                        planSpan,
                        name,
                        names(statements.params.stream().map(Param::getName).toList())));
              } else {
                set(param.get(), text);
              }
            });
    return devices;
  }

  /** Reads a value as the language does, by reading a plan that has nothing but it. */
  private void set(Param param, String text) {
    var parsed =
        StowParser.parse(
            "plan setting\nparam value : %s = %s\n".formatted(param.getType(), text), file);
    var statements = parsed.root().getStatements();
    if (parsed.hasErrors()
        || text.contains("\n")
        || statements.size() != 1
        || !(statements.getFirst() instanceof Param given)
        || given.getValue() == null
        || given.getDomain() != null) {
      diagnostics.add(Messages.badParameter(Spans.of(param), param.getName(), text));
      return;
    }
    var value = new Values().of(given.getValue());
    var domain = param.getDomain() == null ? Allowed.ANY : values.of(param.getDomain());
    if (value.isOne() && (value.low() < domain.low() || value.high() > domain.high())) {
      diagnostics.add(Messages.outsideRange(Spans.of(param), param.getName(), text));
      return;
    }
    values.set(
        param,
        new Allowed(
            Math.max(value.low(), domain.low()),
            Math.min(value.high(), domain.high()),
            value.step().isPresent() ? value.step() : domain.step(),
            value.auto()));
  }

  // -- model

  private record ModelFound(ModelShape shape, ModelSource source, Optional<Path> folder) {}

  private Optional<ModelFound> model(List<Model> models) {
    if (models.isEmpty()) {
      diagnostics.add(Messages.missing(planSpan, "model", "model m = hf \"path/to/model\""));
      return Optional.empty();
    }
    if (models.size() > 1) {
      diagnostics.add(
          Messages.twice(Spans.of(models.get(1)), "model", Spans.of(models.getFirst())));
    }
    var model = models.getFirst();
    var found =
        switch (model.getSource()) {
          case HuggingFace hf -> folder(model, hf.getDirectory());
          case Shape shape -> shape(model, shape.getShape());
          case Gguf gguf -> {
            diagnostics.add(Messages.notYet(Spans.of(gguf), "A model in a GGUF file"));
            yield Optional.<ModelFound>empty();
          }
          default -> throw new IllegalStateException("a source of no kind: " + model.getSource());
        };
    found.ifPresent(m -> checkOptions(model, m.shape()));
    return found;
  }

  private Optional<ModelFound> folder(Model model, String directory) {
    try {
      var base = file.toAbsolutePath().normalize().getParent();
      var path = base.resolve(directory).normalize();
      var folder = ModelFolder.open(path);
      return Optional.of(
          new ModelFound(
              folder.shape(),
              new ModelSource.HuggingFace(directory, folder.fingerprint()),
              Optional.of(path)));
    } catch (ModelFormatException | InvalidPathException e) {
      diagnostics.add(Messages.modelUnreadable(Spans.of(model), e.getMessage()));
      return Optional.empty();
    }
  }

  private Optional<ModelFound> shape(Model model, String name) {
    var shape = ModelShapes.find(name);
    if (shape.isEmpty()) {
      diagnostics.add(
          Messages.unknownShape(Spans.of(model), name, String.join(", ", ModelShapes.names())));
    }
    return shape.map(s -> new ModelFound(s, new ModelSource.ShapeOnly(name), Optional.empty()));
  }

  private void checkOptions(Model model, ModelShape shape) {
    for (var option : model.getOptions()) {
      var stored =
          switch (shape.weightType()) {
            case F32 -> "fp32";
            case F16 -> "fp16";
            case BF16 -> "bf16";
            case INT8, INT4 -> shape.weightType().word();
          };
      if (!"dtype".equals(option.getName())) {
        diagnostics.add(Messages.unknownWord(Spans.of(option), option.getName(), "dtype"));
      } else if (!stored.equals(option.getWord())) {
        diagnostics.add(
            Messages.dtypeDiffers(Spans.of(option), String.valueOf(option.getWord()), stored));
      }
    }
  }

  // -- workload

  private Workload workload(Statements statements, ModelShape shape) {
    var items = new HashMap<String, WorkloadItem>();
    for (var workload : statements.workloads) {
      for (var item : workload.getItems()) {
        var before = items.put(item.getName(), item);
        if (before != null) {
          diagnostics.add(Messages.twice(Spans.of(item), item.getName(), Spans.of(before)));
        }
        if (item.getDistribution() != null) {
          diagnostics.add(Messages.notYet(Spans.of(item), "A distribution of lengths"));
          items.remove(item.getName());
        }
      }
    }
    int positions = shape.maxPositions();
    int generate = one(items, "generate", Math.min(DEFAULT_GENERATE, Math.max(1, positions / 4)));
    int prompt = one(items, "prompt", Math.max(1, Math.min(DEFAULT_PROMPT, positions - generate)));
    if (settings.longestPrompt().isPresent()) {
      prompt = Math.max(prompt, settings.longestPrompt().getAsInt());
      generate = Math.max(1, Math.min(generate, positions - prompt));
    }
    if ((long) prompt + generate > (long) positions + 1) {
      var where = items.containsKey("prompt") ? Spans.of(items.get("prompt")) : planSpan;
      diagnostics.add(Messages.beyondPositions(where, prompt, generate, positions));
    }
    var requests =
        items.containsKey("requests")
            ? OptionalInt.of(one(items, "requests", 1))
            : OptionalInt.empty();
    int most = requests.isPresent() ? requests.getAsInt() : MOST_SEQUENCES;
    var sequences = choices(items.get("batch"), "batch", 1, Math.max(1, most));
    var microBatches =
        choices(
            items.get("micro-batches"),
            "micro-batches",
            1,
            Math.min(MOST_MICRO_BATCHES, sequences.last()));
    return new Workload(
        Math.max(1, prompt),
        Math.max(1, generate),
        requests,
        sequences,
        microBatches,
        choices(
            items.get("prefill-chunk"), "prefill-chunk", Math.max(1, prompt), Math.max(1, prompt)));
  }

  private int one(Map<String, WorkloadItem> items, String name, int otherwise) {
    var item = items.get(name);
    if (item == null) {
      return otherwise;
    }
    var allowed = values.of(item.getValue());
    if (!allowed.isOne() || !isCount(allowed.low(), 1)) {
      diagnostics.add(Messages.badCount(Spans.of(item), name, "from 1 to 16777216"));
      return otherwise;
    }
    return (int) allowed.low();
  }

  private Choices choices(WorkloadItem item, String name, int from, int to) {
    if (item == null) {
      return Choices.range(from, to);
    }
    var allowed = values.of(item.getValue());
    double low = Double.isInfinite(allowed.low()) ? from : allowed.low();
    double high = Double.isInfinite(allowed.high()) ? Math.max(to, low) : allowed.high();
    double step = allowed.step().orElse(1);
    if (!isCount(low, 1) || !isCount(high, 1) || !isCount(step, 1) || high < low) {
      diagnostics.add(Messages.badCount(Spans.of(item), name, "from 1 to 16777216"));
      return Choices.range(from, to);
    }
    return new Choices((int) low, (int) high, (int) step);
  }

  private static boolean isCount(double value, int least) {
    return value == Math.rint(value) && value >= least && value <= 1 << 24;
  }

  // -- schedule

  private record How(
      String compute,
      Schedule.Order order,
      Choices prefetch,
      boolean overlap,
      List<Bounds.AttentionPlace> attention) {}

  private How schedule(Statements statements, Machines machines, Machine machine, boolean canRun) {
    String compute = Problem.defaultCompute(machine);
    Schedule.Order order = new Schedule.Order.ZigZag();
    var prefetch = Choices.range(0, 1);
    boolean overlap = true;
    var attention = new ArrayList<Bounds.AttentionPlace>();
    for (var schedule : statements.schedules) {
      for (var item : schedule.getItems()) {
        switch (item) {
          case Order o ->
              order =
                  switch (o.getOrder()) {
                    case "zig-zag" -> new Schedule.Order.ZigZag();
                    case "row" -> new Schedule.Order.RowByRow();
                    case "column" -> {
                      diagnostics.add(Messages.notYet(Spans.of(o), "Order column"));
                      yield order;
                    }
                    default -> {
                      diagnostics.add(
                          Messages.unknownWord(Spans.of(o), o.getOrder(), "zig-zag, row, column"));
                      yield order;
                    }
                  };
          case Overlap o -> {
            if (o.isNone()) {
              overlap = false;
              prefetch = Choices.fixed(0);
            } else if (!o.isAll()) {
              later(canRun, o, "Overlap of single kinds");
            }
          }
          case Prefetch p -> prefetch = depth(p, prefetch);
          case Pin p -> later(canRun, p, "Pinned host memory");
          case WriteBack w -> later(canRun, w, "Delayed write-back of KV");
          case Attention a when a.getMode() instanceof Sparse ->
              diagnostics.add(Messages.notYet(Spans.of(a), "Sparse attention"));
          case Attention a when a.getPhase() == Phase.PREFILL -> {
            var chosen = prefillAt(a, machine);
            compute = chosen == null ? compute : chosen;
          }
          case Attention a -> attentionPlace(a, machines).ifPresent(attention::add);
          default -> throw new IllegalStateException("a schedule item of no kind: " + item);
        }
      }
    }
    return new How(compute, order, prefetch, overlap, attention);
  }

  private Choices depth(Prefetch prefetch, Choices otherwise) {
    var allowed = values.of(prefetch.getDepth());
    double low = Double.isInfinite(allowed.low()) ? 0 : allowed.low();
    double high = Double.isInfinite(allowed.high()) ? Math.max(1, low) : allowed.high();
    if (!isCount(low, 0) || !isCount(high, 0) || high < low || high > 64) {
      diagnostics.add(Messages.badCount(Spans.of(prefetch), "prefetch", "of layers from 0 to 64"));
      return otherwise;
    }
    return Choices.range((int) low, (int) high);
  }

  /** Matrix products run where prefill attention does. */
  private String prefillAt(Attention attention, Machine machine) {
    if (attention.isAuto()) {
      return null;
    }
    if (attention.getDevices().size() > 1 || attention.getCondition() != null) {
      diagnostics.add(Messages.notYet(Spans.of(attention), "Prefill attention on several devices"));
      return null;
    }
    var name = attention.getDevices().getFirst().getName();
    var device = machine.find(name);
    if (device.isEmpty()
        || device.get().kind() != DeviceKind.GPU && device.get().kind() != DeviceKind.HOST) {
      diagnostics.add(
          Messages.cannotHold(
              Spans.of(attention), name, "prefill attention", "It runs on a gpu or a host."));
      return null;
    }
    return name;
  }

  private Optional<Bounds.AttentionPlace> attentionPlace(Attention attention, Machines machines) {
    if (attention.isAuto()) {
      return Optional.empty();
    }
    var devices = names(machines, attention.getDevices());
    var condition = attention.getCondition();
    if (condition != null && condition.getSubject() != Subject.KV) {
      diagnostics.add(
          Messages.notYet(Spans.of(condition), "A condition on " + condition.getSubject()));
      return Optional.empty();
    }
    for (var device : attention.getDevices()) {
      if (device.getKind() == dev.stowage.dsl.script.DeviceKind.DISK) {
        diagnostics.add(Messages.cannotCompute(Spans.of(attention), device.getName()));
        return Optional.empty();
      }
    }
    List<String> homes = condition == null ? List.of() : names(machines, condition.getDevices());
    return Optional.of(new Bounds.AttentionPlace(homes, devices, source(attention, spans)));
  }

  // -- shared

  static List<String> names(Machines machines, List<Device> devices) {
    return devices.stream().flatMap(device -> machines.names(device).stream()).toList();
  }

  /** The optimizer's tag of a statement; its span is kept for what the optimizer says of it. */
  static Source source(EObject statement, Map<Source, SourceSpan> spans) {
    var span = Spans.of(statement);
    var text =
        NodeModelUtils.getTokenText(NodeModelUtils.findActualNodeFor(statement))
            .replaceAll("\\s+", " ");
    var source = new Source(span.file(), span.offset(), span.length(), text.strip());
    spans.put(source, span);
    return source;
  }

  private void later(boolean canRun, EObject statement, String what) {
    diagnostics.add(Messages.later(canRun, Spans.of(statement), what));
  }

  private static String names(List<String> names) {
    return names.isEmpty() ? "none" : names.stream().sorted().collect(Collectors.joining(", "));
  }
}
