package dev.stowage.compiler.explain;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.explain.Explanation.Busy;
import dev.stowage.compiler.explain.Explanation.Candidate;
import dev.stowage.compiler.explain.Explanation.Device;
import dev.stowage.compiler.explain.Explanation.Layer;
import dev.stowage.compiler.explain.Explanation.Model;
import dev.stowage.compiler.explain.Explanation.Note;
import dev.stowage.compiler.explain.Explanation.Part;
import dev.stowage.compiler.explain.Explanation.Price;
import dev.stowage.compiler.explain.Explanation.RateOf;
import dev.stowage.compiler.explain.Explanation.Solution;
import dev.stowage.compiler.explain.Explanation.Statement;
import dev.stowage.compiler.explain.Explanation.Timing;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.optimizer.Phase;
import dev.stowage.optimizer.Placement;
import dev.stowage.optimizer.Source;
import dev.stowage.plan.Buffer;
import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.KvPages;
import dev.stowage.plan.ModelSource;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.Weight;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Gathers what an {@link Explanation} says. */
final class Explaining {
  private final ExecutablePlan plan;
  private final Schedule schedule;

  Explaining(ExecutablePlan plan, Schedule schedule) {
    this.plan = plan;
    this.schedule = schedule;
  }

  Explanation alone() {
    return explanation(List.of(), Optional.empty());
  }

  Explanation with(Compilation.Compiled compiled) {
    var notes = compiled.diagnostics().stream().map(Explaining::note).toList();
    return explanation(notes, Optional.of(solution(compiled)));
  }

  private Explanation explanation(List<Note> notes, Optional<Solution> solution) {
    return new Explanation(
        plan.name(),
        model(),
        plan.batch(),
        plan.shares(),
        plan.machine().devices().stream().map(this::device).toList(),
        Footprint.process(plan.shape()),
        plan.machine().links(),
        layers(),
        new Timing(
            (plan.batch().staggered() ? "diagonal" : order(schedule.order())) + stages(),
            schedule.prefetch(),
            schedule.lanes(),
            held()),
        plan.predicted(),
        notes,
        solution,
        Optional.empty(),
        Optional.empty());
  }

  private Optional<Explanation.HeldKv> held() {
    var pages = plan.pages();
    if (pages.isEmpty()) {
      return Optional.empty();
    }
    long bytes = pages.values().stream().mapToLong(KvPages::capacityBytes).sum();
    long whole =
        pages.keySet().stream()
            .mapToLong(region -> region.bytes(plan.shape().headDim(), plan.kvType()))
            .sum();
    return Optional.of(new Explanation.HeldKv(bytes, whole));
  }

  private Model model() {
    var shape = plan.shape();
    boolean shapeOnly = plan.source() instanceof ModelSource.ShapeOnly;
    String source =
        switch (plan.source()) {
          case ModelSource.HuggingFace(var path, var _) -> path;
          case ModelSource.Gguf(var path, var _) -> path;
          case ModelSource.ShapeOnly(var name) -> name;
        };
    return new Model(
        source,
        shapeOnly,
        shape.layers(),
        shape.matrixBytes() + shape.vectorBytes(),
        shape.weightType().toString(),
        plan.kvType().toString());
  }

  private Device device(DeviceSpec device) {
    var curves =
        device.curves().stream()
            .flatMap(
                curve ->
                    curve.points().entrySet().stream()
                        .map(
                            point ->
                                new RateOf(
                                    "%s%s at %d %s"
                                        .formatted(
                                            curve.measure().word(),
                                            curve.type().map(t -> " " + t.word()).orElse(""),
                                            point.getKey(),
                                            curve.measure().size()),
                                    point.getValue().value(),
                                    curve.measure().unit(),
                                    point.getValue().origin())));
    var singles =
        device.rates().entrySet().stream()
            .map(
                e ->
                    new RateOf(
                        e.getKey().word(),
                        e.getValue().value(),
                        e.getKey().unit(),
                        e.getValue().origin()));
    var rates = Stream.concat(singles, curves).toList();
    return new Device(
        device.name(),
        device.kind(),
        device.emulated(),
        device.capacityBytes(),
        device.reserveBytes(),
        bytes(device, Buffer.Purpose.WEIGHTS),
        bytes(device, Buffer.Purpose.KV),
        bytes(device, Buffer.Purpose.ACTIVATIONS),
        bytes(device, Buffer.Purpose.WORKING),
        rates);
  }

  private long bytes(DeviceSpec device, Buffer.Purpose purpose) {
    return plan.buffers().stream()
        .filter(b -> b.device().equals(device.name()) && b.purpose() == purpose)
        .mapToLong(Buffer::totalBytes)
        .sum();
  }

  private List<Layer> layers() {
    var layers = new ArrayList<Layer>();
    layers.add(new Layer("embed", weights(Weight.Group.EMBED), List.of()));
    for (int layer = 0; layer < plan.shape().layers(); layer++) {
      layers.add(new Layer(Integer.toString(layer), weights(layer), kv(layer)));
    }
    layers.add(new Layer("head", weights(Weight.Group.HEAD), List.of()));
    return layers.stream().filter(l -> !l.weights().isEmpty() || !l.kv().isEmpty()).toList();
  }

  private List<Part> weights(Weight.Group group) {
    var bytes = new LinkedHashMap<String, Long>();
    for (var region : plan.weights()) {
      if (region.weight().group() == group) {
        bytes.merge(region.home(), region.bytes(plan.shape()), Long::sum);
      }
    }
    return parts(bytes);
  }

  private List<Part> weights(int layer) {
    var bytes = new LinkedHashMap<String, Long>();
    for (var region : plan.weights()) {
      if (region.weight().perLayer() && region.layers().contains(layer)) {
        bytes.merge(region.home(), region.bytes(plan.shape()) / region.layers().size(), Long::sum);
      }
    }
    return parts(bytes);
  }

  private List<Part> kv(int layer) {
    var bytes = new LinkedHashMap<String, Long>();
    for (var region : plan.kv()) {
      if (region.layers().contains(layer)) {
        bytes.merge(
            region.device(),
            region.bytes(plan.shape().headDim(), plan.kvType()) / region.layers().size(),
            Long::sum);
      }
    }
    return parts(bytes);
  }

  /** In the machine's order, so that neighbours line up. */
  private List<Part> parts(Map<String, Long> bytes) {
    return plan.machine().devices().stream()
        .filter(device -> bytes.containsKey(device.name()))
        .map(device -> new Part(device.name(), bytes.get(device.name())))
        .toList();
  }

  /** Which layers each of several gpus computes. */
  private String stages() {
    var stages = plan.stages().list();
    return stages.size() == 1
        ? ""
        : stages.stream()
            .map(stage -> "%s (layers %s)".formatted(stage.device(), stage.layers()))
            .collect(Collectors.joining(", ", " over ", ""));
  }

  static String order(Schedule.Order order) {
    return switch (order) {
      case Schedule.Order.ZigZag() -> "zig-zag";
      case Schedule.Order.RowByRow() -> "row by row";
      case Schedule.Order.Pipeline() -> "a pipeline";
      case Schedule.Order.Word word -> "an order of its own";
    };
  }

  private static Note note(Diagnostic diagnostic) {
    return new Note(
        diagnostic.severity().name().toLowerCase(Locale.ROOT),
        diagnostic.code(),
        fileName(diagnostic.span()),
        diagnostic.span().line(),
        diagnostic.message());
  }

  /** Names a file without its folder, so that the same source says the same everywhere. */
  private static String fileName(SourceSpan span) {
    return span.file().startsWith("lib:")
        ? span.file()
        : String.valueOf(Path.of(span.file()).getFileName());
  }

  private Solution solution(Compilation.Compiled compiled) {
    var placement = compiled.placement();
    var predicted = placement.predicted();
    var busy =
        placement.busy().stream()
            .map(
                b ->
                    new Busy(
                        b.phase().word(),
                        b.resource(),
                        b.seconds(),
                        b.resource()
                            .equals(
                                b.phase() == Phase.PREFILL
                                    ? predicted.prefillBound()
                                    : predicted.decodeBound())))
            .toList();
    var prices =
        placement.prices().stream().map(p -> price(p, compiled.resolved().spans())).toList();
    var candidates =
        placement.candidates().stream()
            .map(
                c ->
                    new Candidate(
                        c.batch(),
                        c.kvType().toString(),
                        c.prefetch(),
                        c.blockSeconds(),
                        c.throughputTokensPerSecond(),
                        c.batch().equals(placement.batch())
                            && c.prefetch() == placement.prefetch()
                            && c.kvType() == placement.kvType()))
            .toList();
    return new Solution(
        busy, prices, candidates, placement.boundSeconds(), placement.solved(), Optional.empty());
  }

  /** {@code dθ/du = −(θ / T) · dT/du}. */
  private Price price(Placement.Price price, Map<Source, SourceSpan> spans) {
    var predicted = plan.predicted();
    double seconds = predicted.prefillSeconds() + predicted.decodeSeconds();
    double perSecond = seconds > 0 ? predicted.throughputTokensPerSecond() / seconds : 0;
    var statements = new ArrayList<Statement>();
    for (var source : price.sources()) {
      var span = spans.get(source);
      if (span != null) {
        statements.add(new Statement(fileName(span), span.line(), source.text()));
      }
    }
    return new Price(
        price.row(),
        price.unit(),
        price.secondsPerUnit(),
        0.0 - price.secondsPerUnit() * perSecond,
        statements);
  }
}
