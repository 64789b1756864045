package dev.stowage.compiler.resolve;

import dev.stowage.compiler.Settings;
import dev.stowage.compiler.resolve.Values.Allowed;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.StowParser;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.Gguf;
import dev.stowage.dsl.script.HeaderKind;
import dev.stowage.dsl.script.HuggingFace;
import dev.stowage.dsl.script.Model;
import dev.stowage.dsl.script.Param;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.Setting;
import dev.stowage.dsl.script.Shape;
import dev.stowage.dsl.script.Test;
import dev.stowage.dsl.script.Variant;
import dev.stowage.optimizer.Bounds;
import dev.stowage.optimizer.Cuts;
import dev.stowage.optimizer.KvAxis;
import dev.stowage.optimizer.Problem;
import dev.stowage.optimizer.Source;
import dev.stowage.optimizer.Thing;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Machine;
import dev.stowage.plan.ModelShape;
import dev.stowage.plan.ModelSource;
import dev.stowage.plan.Stages;
import dev.stowage.plan.model.GgufModel;
import dev.stowage.plan.model.ModelFolder;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.plan.model.ModelHeaders;
import dev.stowage.plan.model.ModelShapes;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** Resolves one script. Collects every problem it can find before it gives up. */
public final class Resolver {
  private final Script script;
  private final Path file;
  private final Settings settings;
  private final Optional<Test> test;
  private final List<Diagnostic> diagnostics = new ArrayList<>();
  private final Values values = new Values();
  private final Map<Source, SourceSpan> spans = new HashMap<>();
  private final Map<String, Allowed> workloadSettings = new HashMap<>();
  private final SourceSpan planSpan;

  private Resolver(Script script, Path file, Settings settings, Optional<Test> test) {
    this.script = script;
    this.file = file;
    this.settings = settings;
    this.test = test;
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
   * @param test the name of one of the script's tests, whose changes are made and whose
   *     expectations hold
   */
  public static Resolution resolve(
      Script script, Path file, Settings settings, Optional<String> test) {
    var resolver = new Resolver(script, file, settings, test.map(name -> test(script, name)));
    var resolved = resolver.resolve();
    boolean errors = resolver.diagnostics.stream().anyMatch(Diagnostic::isError);
    return new Resolution(errors ? Optional.empty() : resolved, resolver.diagnostics);
  }

  /** The shape of a plan's model; empty where it has none that can be read. */
  static Optional<ModelShape> shape(Script script, Path file) {
    var resolver = new Resolver(script, file, Settings.none(), Optional.empty());
    return resolver
        .model(Statements.of(script, Optional.empty(), Optional.empty()).models)
        .map(ModelFound::shape);
  }

  private static Test test(Script script, String name) {
    return script.getStatements().stream()
        .filter(Test.class::isInstance)
        .map(Test.class::cast)
        .filter(test -> test.getName().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("no test is named " + name));
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
    var statements = Statements.of(script, variant, test);
    var deviceSettings = applySettings(statements);
    Lint.ALL.forEach(lint -> lint.check(script, statements, diagnostics::add));

    var machines = new Machines(values, diagnostics, deviceSettings);
    var platforms = statements.platforms;
    if (platforms.isEmpty()) {
      diagnostics.add(
          Messages.missing(planSpan, "platform", "platform laptop { host ram { memory 8 GiB } }"));
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
    var scope =
        new Scope(
            values,
            diagnostics,
            spans,
            machines,
            machine,
            model.shape(),
            model.folder().isPresent());
    var schedules = new Schedules(scope);
    var how = schedules.how(statements.schedules);
    var workload =
        new Workloads(scope, settings, planSpan, workloadSettings)
            .workload(statements.workloads, how.wholeBlock(), how.diagonal());
    var approximations =
        new Approximations(
                scope, schedules, workload.promptTokens() + workload.generateTokens() - 1)
            .allowed(statements.approximations);
    var attention = new ArrayList<>(how.attention());
    attention.addAll(approximations.attention());
    var placements = new Placements(scope);
    placements.add(statements.placeItems);
    var goals = new Goals(scope);
    var levels = new ArrayList<Bounds.ServiceLevel>();
    goals.constraints(statements.objectives, levels, placements.shares);
    var objective = goals.objective(statements.objectives);
    var expectations = new Expects(scope, test.isPresent()).expectations(statements.expectations);
    if (diagnostics.stream().anyMatch(Diagnostic::isError)) {
      return Optional.empty();
    }
    var stages = stages(statements, placements, machine, model.shape(), how.computing());
    if (stages.isEmpty()) {
      return Optional.empty();
    }
    List<String> computing = how.computing().size() > 1 ? how.computing() : List.of();
    var problems =
        placements.axes().stream()
            .map(
                axes ->
                    new Problem(
                        machine,
                        model.shape(),
                        kvType(model.shape()),
                        workload,
                        stages.get(),
                        computing,
                        how.order(),
                        how.prefetch(),
                        new Bounds(
                            placements.only,
                            placements.shares,
                            placements.preferences,
                            levels,
                            axes.axis(),
                            attention,
                            approximations.formats(),
                            approximations.sparse(),
                            Optional.empty(),
                            axes.cuts()),
                        objective,
                        how.pin().map(Resolved.Pin::pageable).orElse(Set.of())))
            .toList();
    return Optional.of(
        new Resolved(
            script.getHeader().getName(),
            problems,
            model.source(),
            model.folder(),
            how.lanes(),
            how.writeBack(),
            how.pin(),
            how.diagonal(),
            expectations,
            spans,
            machines.spans(),
            planSpan));
  }

  /** A first cut of the layers over what computes them; says why there is none. */
  private Optional<Stages> stages(
      Statements statements,
      Placements placements,
      Machine machine,
      ModelShape shape,
      List<String> computing) {
    if (computing.size() == 1) {
      return Optional.of(Stages.on(computing.getFirst(), shape.layers()));
    }
    for (var only : placements.only) {
      if (only.thing() instanceof Thing.Activations) {
        diagnostics.add(Messages.activationsOnGpus(spans.get(only.source())));
        return Optional.empty();
      }
    }
    for (var share : placements.shares) {
      if (share.thing() instanceof Thing.Activations) {
        diagnostics.add(Messages.activationsOnGpus(spans.get(share.source())));
        return Optional.empty();
      }
    }
    var bounds =
        new Bounds(
            placements.only, placements.shares, List.of(), List.of(), KvAxis.TOKENS, List.of());
    var first = Cuts.first(machine, shape, bounds, computing);
    if (first.isEmpty()) {
      var where =
          statements.placeItems.isEmpty() ? planSpan : Spans.of(statements.placeItems.getFirst());
      diagnostics.add(Messages.noCut(where, String.join(", ", computing)));
    }
    return first;
  }

  /**
   * Keys and values as exact as the weights: BF16 would lose bits that F32 sums have, so it is
   * widened.
   */
  static ElementType kvType(ModelShape shape) {
    return switch (shape.weightType()) {
      case F32, BF16 -> ElementType.F32;
      case F16, INT8, INT4, Q8_0, Q4_0, Q4_K, Q6_K -> ElementType.F16;
    };
  }

  // -- variants, parameters, settings

  /** The chosen variant, or the one a test is about; {@code null} after an error. */
  private Optional<Variant> variant() {
    if (test.isPresent() && test.get().getVariant() != null) {
      return Optional.of(test.get().getVariant());
    }
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

  private Map<String, Map<String, Allowed>> applySettings(Statements statements) {
    var devices = new HashMap<String, Map<String, Allowed>>();
    for (Setting setting : statements.settings) {
      switch (setting.getTarget()) {
        case Param param -> values.set(param, setting.getValue());
        case Device device ->
            devices
                .computeIfAbsent(device.getName(), d -> new HashMap<>())
                .put(setting.getProperty(), values.of(setting.getValue()));
        case dev.stowage.dsl.script.Workload _ ->
            workloadSettings.put(setting.getProperty(), values.of(setting.getValue()));
        case null, default -> throw new IllegalStateException("a setting of no kind: " + setting);
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
          case HuggingFace hf -> stored(model, hf.getDirectory(), ModelFolder::open);
          case Shape shape -> shape(model, shape.getShape());
          case Gguf gguf -> stored(model, gguf.getFile(), GgufModel::open);
          default -> throw new IllegalStateException("a source of no kind: " + model.getSource());
        };
    found.ifPresent(m -> checkOptions(model, m.shape()));
    return found;
  }

  /** How a source's files are read. */
  @FunctionalInterface
  private interface Opening {
    ModelHeaders open(Path path) throws ModelFormatException;
  }

  private Optional<ModelFound> stored(Model model, String where, Opening opening) {
    try {
      var base = file.toAbsolutePath().normalize().getParent();
      var path = base.resolve(where).normalize();
      var headers = opening.open(path);
      return Optional.of(new ModelFound(headers.shape(), headers.source(where), Optional.of(path)));
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
            case INT8, INT4, Q8_0, Q4_0, Q4_K, Q6_K -> shape.weightType().word();
          };
      if (!"dtype".equals(option.getName())) {
        diagnostics.add(Messages.unknownWord(Spans.of(option), option.getName(), "dtype"));
      } else if (!stored.equals(option.getWord())) {
        diagnostics.add(
            Messages.dtypeDiffers(Spans.of(option), String.valueOf(option.getWord()), stored));
      }
    }
  }

  private static String names(List<String> names) {
    return names.isEmpty() ? "none" : names.stream().sorted().collect(Collectors.joining(", "));
  }
}
