package dev.stowage.compiler;

import dev.stowage.compiler.resolve.Deletion;
import dev.stowage.compiler.resolve.Resolved;
import dev.stowage.compiler.resolve.Resolver;
import dev.stowage.compiler.resolve.Tests;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Parsed;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.StowParser;
import dev.stowage.optimizer.Choices;
import dev.stowage.optimizer.Placement;
import dev.stowage.optimizer.Problem;
import dev.stowage.optimizer.Workload;
import dev.stowage.plan.Asked;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.text.PlanPrinter;
import dev.stowage.plan.text.SchedulePrinter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Finds the statements of a file without which everything it compiles to stays as it is: the plan,
 * its variants, its tests. Each is taken out alone and the rest compiled again. Most decide
 * themselves without solving, or by solving for the batch shape that was found; only those that
 * change nothing there are planned anew at all batch shapes.
 */
final class Idle {
  static final String CODE = "SW408";

  /** What says of a statement that it decides nothing. */
  private static final Set<String> SAY_SO =
      Set.of("SW401", "SW402", "SW403", "SW405", "SW406", "SW409", CODE);

  /** Statements in longer files are not looked at: each takes a reading of the file. */
  private static final int MOST_STATEMENTS = 200;

  /**
   * Something that a file compiles to.
   *
   * @param variant its name; empty for the plan as it stands
   * @param test the name of a test
   */
  private record Part(Optional<String> variant, Optional<String> test) {}

  /**
   * A part as the whole file makes it.
   *
   * @param text the whole of it
   * @param shape the batch shape and prefetch found; empty where nothing fits
   * @param atShape the text when no other batch shape is looked at
   */
  private record Original(
      Part part, Resolved resolved, String text, Optional<Placement> shape, String atShape) {}

  private final Path file;
  private final Settings settings;
  private final String text;
  private final List<Original> originals = new ArrayList<>();
  private final List<Diagnostic> said = new ArrayList<>();
  private final List<Diagnostic> found = new ArrayList<>();

  private Idle(Path file, Settings settings, String text) {
    this.file = file;
    this.settings = settings;
    this.text = text;
  }

  /**
   * @param compiled the plan or the variant asked for
   * @param said what is said of it already
   */
  static List<Diagnostic> of(
      Parsed parsed,
      Path file,
      Settings settings,
      Compilation.Compiled compiled,
      List<Diagnostic> said) {
    var deletions = Deletion.of(parsed.root());
    if (deletions.size() > MOST_STATEMENTS) {
      return List.of();
    }
    var idle = new Idle(file, settings, Spans.source(parsed.root()));
    idle.said.addAll(said);
    if (!idle.addOriginals(parsed, compiled)) {
      return List.of();
    }
    idle.find(deletions);
    return idle.found;
  }

  /** What came of a part of the file, and what is said of it. */
  private record Made(Part part, Optional<Original> original, List<Diagnostic> diagnostics) {}

  /** Whether all parts are without errors: where one is not, nothing is the same without. */
  private boolean addOriginals(Parsed parsed, Compilation.Compiled compiled) {
    var first = new Part(settings.variant(), Optional.empty());
    var made =
        parts(parsed).parallelStream()
            .map(
                part ->
                    part.equals(first)
                        ? new Made(
                            part,
                            Optional.of(original(part, compiled.resolved(), compiled, parsed)),
                            List.of())
                        : make(part))
            .toList();
    for (var one : made) {
      addWhatIsSaidOf(one.part(), parsed, one.diagnostics());
      one.original().ifPresent(originals::add);
    }
    return originals.size() == made.size();
  }

  /** Reads the file again, because references are resolved as they are followed. */
  private Made make(Part part) {
    var parsed = StowParser.parse(text, file);
    var resolution = Resolver.resolve(parsed.root(), file, settings(part), part.test());
    var diagnostics = new ArrayList<>(resolution.diagnostics());
    var original =
        resolution
            .resolved()
            .map(
                resolved -> {
                  var compilation = compile(resolved, part, parsed);
                  diagnostics.addAll(compilation.diagnostics());
                  return original(part, resolved, compilation, parsed);
                });
    return new Made(part, original, diagnostics);
  }

  private Original original(Part part, Resolved resolved, Compilation compilation, Parsed parsed) {
    Optional<Placement> shape =
        compilation instanceof Compilation.Compiled compiled
            ? Optional.of(compiled.placement())
            : Optional.empty();
    return new Original(
        part,
        resolved,
        words(compilation),
        shape,
        shape.map(s -> words(compile(at(resolved, s), part, parsed))).orElse(""));
  }

  /** Diagnostics of a variant's or a test's own statements are worth saying of the whole file. */
  private void addWhatIsSaidOf(Part part, Parsed parsed, List<Diagnostic> diagnostics) {
    var tests = Tests.of(parsed.root());
    var own = new ArrayList<SourceSpan>();
    tests.variants().stream()
        .filter(v -> part.variant().equals(Optional.of(v.name())))
        .forEach(v -> own.add(v.span()));
    tests.cases().stream()
        .filter(c -> part.test().equals(Optional.of(c.name())))
        .forEach(c -> own.add(c.span()));
    diagnostics.stream()
        .filter(d -> SAY_SO.contains(d.code()) && !said.contains(d))
        .filter(d -> own.stream().anyMatch(span -> span.contains(d.span())))
        .forEach(found::add);
  }

  /** The plan or the variant asked for, the other variants, the tests. */
  private List<Part> parts(Parsed parsed) {
    var tests = Tests.of(parsed.root());
    var parts = new ArrayList<Part>();
    parts.add(new Part(settings.variant(), Optional.empty()));
    parts.add(new Part(Optional.empty(), Optional.empty()));
    tests.variants().forEach(v -> parts.add(new Part(Optional.of(v.name()), Optional.empty())));
    tests.cases().forEach(c -> parts.add(new Part(Optional.empty(), Optional.of(c.name()))));
    return parts.stream().distinct().toList();
  }

  private Settings settings(Part part) {
    return new Settings(settings.values(), part.variant(), settings.longestPrompt());
  }

  private void find(List<Deletion> deletions) {
    var idle =
        deletions.stream()
            .filter(d -> !isSaid(d, said) && !isSaid(d, found))
            .toList()
            .parallelStream() // each is planned alone
            .filter(this::isIdle)
            .toList();
    for (var deletion : idle) {
      if (!isSaid(deletion, found)) { // as part of a longer one
        found.add(Messages.changesNothing(deletion.span(), shortened(deletion)));
      }
    }
  }

  /**
   * Whether a diagnostic says already that a statement decides nothing: of it, of what it is part
   * of, or of a share in it that allows no less than others do.
   */
  static boolean isSaid(Deletion deletion, List<Diagnostic> said) {
    return said.stream()
        .anyMatch(
            d ->
                SAY_SO.contains(d.code()) && deletion.isIn(d.span())
                    || d.code().equals("SW403") && deletion.span().contains(d.span()));
  }

  /** The words of the statement, the first of them where it is long. */
  private String shortened(Deletion deletion) {
    SourceSpan span = deletion.span();
    var words =
        text.substring(span.offset(), span.offset() + span.length()).replaceAll("\\s+", " ");
    return words.length() <= 60 ? words : words.substring(0, 59).strip() + "…";
  }

  private boolean isIdle(Deletion deletion) {
    if (deletion.result()) {
      return false;
    }
    var shorter = StowParser.parse(deletion.blanked(text), file);
    return !shorter.hasErrors()
        && nearestFirst(deletion).stream().allMatch(o -> isSame(o, shorter));
  }

  /** Where a statement stands shows its effect soonest: in its own variant or test. */
  private List<Original> nearestFirst(Deletion deletion) {
    var ordered = new ArrayList<Original>();
    for (var original : originals) {
      var part = original.part();
      boolean own =
          deletion.test().isPresent() && part.test().equals(deletion.test())
              || deletion.variant().isPresent() && part.variant().equals(deletion.variant());
      ordered.add(own ? 0 : ordered.size(), original);
    }
    return ordered;
  }

  private boolean isSame(Original original, Parsed shorter) {
    var part = original.part();
    var resolved =
        Resolver.resolve(shorter.root(), file, settings(part), part.test()).resolved().orElse(null);
    if (resolved == null || !isSameBesidesProblems(original.resolved(), resolved)) {
      return false;
    }
    if (original.resolved().problems().equals(resolved.problems())) {
      return true;
    }
    return original
            .shape()
            .map(s -> words(compile(at(resolved, s), part, shorter)))
            .map(original.atShape()::equals)
            .orElse(true)
        && words(compile(resolved, part, shorter)).equals(original.text());
  }

  private static boolean isSameBesidesProblems(Resolved one, Resolved other) {
    return one.name().equals(other.name())
        && one.source().equals(other.source())
        && one.lanes() == other.lanes()
        && one.writeBack().equals(other.writeBack())
        && one.expectations().equals(other.expectations())
        && facts(one.problems().getFirst()).equals(facts(other.problems().getFirst()));
  }

  /** What stands in the plan as it is said. */
  private static List<Object> facts(Problem problem) {
    var work = problem.workload();
    return List.of(
        problem.machine(),
        problem.shape(),
        problem.computing().isEmpty() ? problem.stages() : problem.computing(),
        problem.order(),
        work.promptTokens(),
        work.generateTokens());
  }

  private Compilation compile(Resolved resolved, Part part, Parsed parsed) {
    return Compiler.again(resolved, parsed.root(), file, settings(part), part.test());
  }

  /** The same with nothing to choose about batch shape and prefetch. */
  private static Resolved at(Resolved resolved, Placement shape) {
    return new Resolved(
        resolved.name(),
        resolved.problems().stream().map(problem -> at(problem, shape)).toList(),
        resolved.source(),
        resolved.modelFolder(),
        resolved.lanes(),
        resolved.writeBack(),
        resolved.pin(),
        resolved.diagonal(),
        resolved.expectations(),
        resolved.spans(),
        resolved.devices(),
        resolved.planSpan());
  }

  private static Problem at(Problem problem, Placement shape) {
    var work = problem.workload();
    var batch = shape.batch();
    return new Problem(
        problem.machine(),
        problem.shape(),
        problem.kvType(),
        new Workload(
            work.promptTokens(),
            work.generateTokens(),
            work.meanPromptTokens(),
            work.meanGenerateTokens(),
            work.requests(),
            Choices.fixed(batch.sequences()),
            Choices.fixed(batch.microBatches()),
            Choices.fixed(batch.prefillChunk()),
            work.staggered()),
        problem.stages(),
        problem.computing(),
        problem.order(),
        Choices.fixed(shape.prefetch()),
        problem.bounds(),
        problem.objective(),
        problem.pageable());
  }

  /** All that comes out, but for what was asked: that is the statements' own words. */
  private static String words(Compilation compilation) {
    return switch (compilation) {
      case Compilation.Compiled compiled ->
          PlanPrinter.print(unasked(compiled.plan())) + SchedulePrinter.print(compiled.schedule());
      case Compilation.Infeasible infeasible -> "infeasible " + infeasible.limits();
      case Compilation.Erroneous _ -> "erroneous";
    };
  }

  /** A plan whose shares do not say what was asked for, nor where nothing lies though it may. */
  static ExecutablePlan unasked(ExecutablePlan plan) {
    return new ExecutablePlan(
        plan.name(),
        plan.source(),
        plan.shape(),
        plan.machine(),
        plan.batch(),
        plan.kvType(),
        plan.weights(),
        plan.kv(),
        plan.buffers(),
        plan.sections(),
        plan.shares().stream().filter(s -> s.bytes() > 0).map(Idle::unasked).toList(),
        plan.predicted());
  }

  private static Asked unasked(Asked share) {
    return new Asked(
        share.what(), share.device(), "", share.planned(), share.realised(), share.bytes());
  }
}
