package dev.stowage.compiler;

import dev.stowage.compiler.lower.Lowering;
import dev.stowage.compiler.lower.Placed;
import dev.stowage.compiler.resolve.Resolved;
import dev.stowage.compiler.resolve.Resolver;
import dev.stowage.compiler.resolve.Sites;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Levels;
import dev.stowage.dsl.Parsed;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.StowParser;
import dev.stowage.dsl.script.Script;
import dev.stowage.optimizer.Limit;
import dev.stowage.optimizer.Optimizer;
import dev.stowage.optimizer.Placement;
import dev.stowage.optimizer.PlacementOutcome;
import dev.stowage.optimizer.Problem;
import dev.stowage.optimizer.ortools.GlopSolver;
import dev.stowage.plan.BatchShape;
import dev.stowage.plan.Buffer;
import dev.stowage.plan.DeviceKind;
import dev.stowage.plan.DriveMemory;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.KvPages;
import dev.stowage.plan.Rate;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.text.PlanPrinter;
import dev.stowage.plan.text.SchedulePrinter;
import dev.stowage.plan.verify.PlanVerifier;
import dev.stowage.plan.verify.ScheduleVerifier;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Compiles plans. The passes, in order, are the private methods below {@link #compile(Path,
 * Settings)}.
 */
public final class Compiler {
  private final Path file;
  private final Settings settings;
  private final Optional<String> test;
  private final List<Diagnostic> diagnostics = new ArrayList<>();
  private final Purpose purpose;
  private Script script;
  private Parsed parsed;

  /** What a compilation is for. */
  private enum Purpose {
    /** All that is asked is what comes out. */
    TRIAL,
    PLAN,
    /** To say all that can be said of the text, even where that takes many plans. */
    REVIEW
  }

  private Compiler(Path file, Settings settings, Optional<String> test, Purpose purpose) {
    this.file = file;
    this.settings = settings;
    this.test = test;
    this.purpose = purpose;
  }

  /** Compiles a file. Relative paths in it start from its folder. */
  public static Compilation compile(Path file, Settings settings) {
    return compile(read(file), file, settings, Optional.empty());
  }

  /** Compiles a text as if it stood in a file, which need not exist. */
  public static Compilation compile(String text, Path file, Settings settings) {
    return compile(read(text, file), file, settings, Optional.empty());
  }

  /**
   * Compiles what was read already.
   *
   * @param test the name of one of the file's tests: what it changes is changed, and what it
   *     expects is held against the prediction in place of what the plan expects
   */
  public static Compilation compile(
      Parsed parsed, Path file, Settings settings, Optional<String> test) {
    return new Compiler(file, settings, test, Purpose.PLAN).compile(parsed);
  }

  /**
   * Compiles a file, and names the statements without which all it compiles to stays as it is. That
   * takes another plan for most of them.
   */
  public static Compilation review(Path file, Settings settings) {
    return review(read(file), file, settings);
  }

  /** Reviews a text as if it stood in a file, which need not exist. */
  public static Compilation review(String text, Path file, Settings settings) {
    return review(read(text, file), file, settings);
  }

  private static Compilation review(Parsed parsed, Path file, Settings settings) {
    return new Compiler(file, settings, Optional.empty(), Purpose.REVIEW).compile(parsed);
  }

  /** Compiles on from what was resolved, without a look for remedies. */
  static Compilation again(
      Resolved resolved, Script script, Path file, Settings settings, Optional<String> test) {
    var compiler = new Compiler(file, settings, test, Purpose.TRIAL);
    compiler.script = script;
    return compiler.place(resolved);
  }

  /** Reads a file, while the solver's library, which its plan will need, is loaded. */
  private static Parsed read(Path file) {
    GlopSolver.loadAhead();
    return StowParser.parse(file);
  }

  private static Parsed read(String text, Path file) {
    GlopSolver.loadAhead();
    return StowParser.parse(text, file);
  }

  private Compilation compile(Parsed parsed) {
    this.parsed = parsed;
    script = parsed.root();
    diagnostics.addAll(parsed.diagnostics());
    if (parsed.hasErrors()) {
      return new Compilation.Erroneous(sorted());
    }
    var resolution = Resolver.resolve(parsed.root(), file, settings, test);
    diagnostics.addAll(resolution.diagnostics());
    return resolution
        .resolved()
        .map(this::place)
        .orElseGet(() -> new Compilation.Erroneous(sorted()));
  }

  private Compilation place(Resolved resolved) {
    var outcomes = new LinkedHashMap<Problem, PlacementOutcome>();
    for (var problem : resolved.problems()) {
      outcomes.put(problem, new Optimizer(new GlopSolver()).place(problem));
    }
    var best = best(outcomes);
    return switch (outcomes.get(best)) {
      case PlacementOutcome.Placed(var placement) -> lower(resolved, best, placement);
      case PlacementOutcome.Infeasible infeasible -> {
        diagnostics.addAll(explain(resolved, infeasible));
        yield new Compilation.Infeasible(limits(infeasible), sorted());
      }
      case PlacementOutcome.GaveUp(var reason) -> {
        diagnostics.add(Messages.gaveUp(resolved.planSpan(), reason));
        yield new Compilation.Infeasible(List.of(), sorted());
      }
    };
  }

  /** What cannot be kept, in the words of the language. */
  private static List<String> limits(PlacementOutcome.Infeasible infeasible) {
    var limits = new LinkedHashSet<String>();
    for (var conflict : infeasible.conflicts()) {
      limits.add(conflict.row());
      for (var limit : conflict.limits()) {
        if (limit instanceof Limit.Memory(var devices)) {
          limits.add("memory(%s)".formatted(devices.getFirst()));
        }
      }
    }
    return List.copyOf(limits);
  }

  /** Says what is wrong and offers, with the first of it, what makes the plan feasible. */
  private List<Diagnostic> explain(Resolved resolved, PlacementOutcome.Infeasible infeasible) {
    var sites =
        new Sites(
            script,
            file.toAbsolutePath().normalize().toString(),
            settings,
            test,
            resolved.problems().getFirst().machine().devices());
    var found = new Feasibility(resolved, sites.batch()).explain(infeasible);
    if (purpose == Purpose.TRIAL || test.isPresent()) {
      return found;
    }
    var conflicts = new ArrayList<List<Sites.Site>>();
    for (var conflict : infeasible.conflicts()) {
      var ways = new ArrayList<Sites.Site>();
      conflict.limits().forEach(limit -> ways.addAll(sites.of(limit)));
      if (conflict.unit() != PlacementOutcome.Unit.SHARE) {
        ways.addAll(sites.lengths());
      }
      conflicts.add(ways);
    }
    var first = found.getFirst();
    for (var fix :
        new Remedies(Spans.source(script), this::mayFit, this::isFeasible).of(conflicts)) {
      first = first.withFix(fix);
    }
    var all = new ArrayList<>(found);
    all.set(0, first);
    return all;
  }

  private boolean mayFit(String text) {
    var parsed = StowParser.parse(text, file);
    return !parsed.hasErrors()
        && Resolver.resolve(parsed.root(), file, settings, test)
            .resolved()
            .map(Resolved::problems)
            .stream()
            .flatMap(List::stream)
            .anyMatch(new Optimizer(new GlopSolver())::mayFit);
  }

  private boolean isFeasible(String text) {
    return new Compiler(file, settings, test, Purpose.TRIAL).compile(StowParser.parse(text, file))
        instanceof Compilation.Compiled;
  }

  /** The problem with the best answer; the first of equals, or where there is no answer. */
  private static Problem best(Map<Problem, PlacementOutcome> outcomes) {
    Problem best = outcomes.keySet().iterator().next();
    double least = Double.POSITIVE_INFINITY;
    for (var entry : outcomes.entrySet()) {
      if (entry.getValue() instanceof PlacementOutcome.Placed(var placement)
          && placement.score(entry.getKey().objective()) < least) {
        least = placement.score(entry.getKey().objective());
        best = entry.getKey();
      }
    }
    return best;
  }

  /** A block whose cache lies there whole begins together. */
  private BatchShape begun(Resolved resolved, Problem problem, Placement placement) {
    var batch = placement.batch();
    if (!batch.staggered()) {
      return batch;
    }
    boolean inPages =
        placement.kv().stream()
            .anyMatch(
                region ->
                    KvPages.of(
                            problem.machine(), problem.shape(), placement.kvType(), batch, region)
                        .isPresent());
    if (inPages) {
      return batch;
    }
    resolved
        .diagonal()
        .ifPresent(said -> diagnostics.add(Messages.allKvIsThere(said.span(), said.text())));
    return batch.together();
  }

  private Compilation lower(Resolved resolved, Problem problem, Placement placement) {
    var waiting = new LinkedHashMap<String, Integer>();
    placement.activations().forEach(w -> waiting.put(w.device(), w.microBatches()));
    var placed =
        new Placed(
            resolved.name(),
            resolved.source(),
            problem.shape(),
            problem.machine(),
            begun(resolved, problem, placement),
            placement.kvType(),
            placement.weights(),
            placement.kv(),
            placement.stages(),
            problem.host().name(),
            placement.prefetch(),
            waiting,
            placement.shares(),
            placement.predicted());
    var plan = Lowering.lower(placed);
    return schedule(resolved, problem, placement, plan, Lowering.schedule(placed));
  }

  private Compilation schedule(
      Resolved resolved,
      Problem problem,
      Placement placement,
      ExecutablePlan plan,
      Schedule plain) {
    var schedule =
        new Schedule(
            problem.order(),
            plain.prefetch(),
            resolved.lanes() ? plain.lanes() : List.of(),
            writeBack(resolved, plan),
            pageable(resolved, plan));
    verify(plan, schedule);
    checkDrives(resolved, plan, schedule);
    diagnostics.addAll(Expectations.check(resolved.expectations(), plan));
    if (purpose == Purpose.REVIEW) {
      var compiled = new Compilation.Compiled(plan, schedule, resolved, placement, List.of());
      diagnostics.addAll(Idle.of(parsed, file, settings, compiled, diagnostics));
    }
    var said = sorted(true);
    return said.stream().anyMatch(d -> d.isError() && !d.code().startsWith("SW6"))
        ? new Compilation.Erroneous(said) // a warning that this folder makes an error
        : new Compilation.Compiled(plan, schedule, resolved, placement, said);
  }

  /** What drives gather: those that hold KV, where the plan says so. */
  private Map<String, Integer> writeBack(Resolved resolved, ExecutablePlan plan) {
    var tokens = new TreeMap<String, Integer>();
    resolved
        .writeBack()
        .ifPresent(
            said -> {
              for (var region : plan.kv()) {
                if (plan.machine().device(region.device()).kind() == DeviceKind.CSD) {
                  tokens.put(region.device(), said.tokens());
                }
              }
              if (tokens.isEmpty()) {
                diagnostics.add(Messages.noDriveHoldsKv(said.span(), said.text()));
              }
            });
    return tokens;
  }

  /** Says where more is to be gathered than the memory of a drive takes. */
  private void checkDrives(Resolved resolved, ExecutablePlan plan, Schedule schedule) {
    for (var drive : schedule.writeBack().keySet()) {
      double needed =
          plan.kv().stream()
              .filter(region -> region.device().equals(drive))
              .mapToDouble(
                  region ->
                      DriveMemory.bytes(
                          plan.shape(), plan.kvType(), region, schedule.writeBack().get(drive)))
              .sum();
      double dram = plan.machine().device(drive).rate(Rate.DRAM);
      if (needed > dram) {
        var said = resolved.writeBack().orElseThrow();
        diagnostics.add(
            Messages.gathersTooMuch(
                said.span(), said.text(), drive, Amounts.bytes(needed), Amounts.bytes(dram)));
        return; // others hold as much
      }
    }
  }

  /** What is left pageable of what a gpu copies; says where that is nothing. */
  private Set<Buffer.Purpose> pageable(Resolved resolved, ExecutablePlan plan) {
    var copied = EnumSet.noneOf(Buffer.Purpose.class);
    var stages = plan.stages();
    if (plan.machine().device(stages.first()).kind() == DeviceKind.GPU) {
      if (plan.weights().stream().anyMatch(region -> isHost(plan, region.home()))) {
        copied.add(Buffer.Purpose.WEIGHTS);
      }
      if (plan.kv().stream()
          .anyMatch(region -> stages.compute(region.attendAt()) && isHost(plan, region.device()))) {
        copied.add(Buffer.Purpose.KV);
      }
    }
    resolved
        .pin()
        .ifPresentOrElse(
            said -> {
              copied.retainAll(said.pageable());
              if (copied.isEmpty()) {
                diagnostics.add(Messages.pinsWhatIsNotCopied(said.span(), said.text()));
              }
            },
            copied::clear);
    return copied;
  }

  private static boolean isHost(ExecutablePlan plan, String device) {
    return plan.machine().device(device).kind() == DeviceKind.HOST;
  }

  /** A plan that does not hold together is a mistake of the compiler, never of the user. */
  private static void verify(ExecutablePlan plan, Schedule schedule) {
    var violations = new ArrayList<>(PlanVerifier.verify(plan));
    if (violations.isEmpty()) {
      violations.addAll(ScheduleVerifier.verify(plan, schedule));
    }
    if (!violations.isEmpty()) {
      throw new IllegalStateException(
          "compiled to a plan that cannot run: %s%n%s%s"
              .formatted(violations, PlanPrinter.print(plan), SchedulePrinter.print(schedule)));
    }
  }

  private List<Diagnostic> sorted() {
    return sorted(false);
  }

  /** All that is left to say after levels and suppressions, in reading order. */
  private List<Diagnostic> sorted(boolean complete) {
    Set<String> notLookedFor = purpose == Purpose.REVIEW ? Set.of() : Set.of(Idle.CODE);
    return Levels.apply(diagnostics, script, file, complete, notLookedFor).stream()
        .sorted((a, b) -> a.span().compareTo(b.span()))
        .toList();
  }
}
