package dev.stowage.compiler.resolve;

import dev.stowage.dsl.Platforms;
import dev.stowage.dsl.script.Approximate;
import dev.stowage.dsl.script.Change;
import dev.stowage.dsl.script.Expect;
import dev.stowage.dsl.script.Model;
import dev.stowage.dsl.script.Objective;
import dev.stowage.dsl.script.Param;
import dev.stowage.dsl.script.Place;
import dev.stowage.dsl.script.PlaceItem;
import dev.stowage.dsl.script.Platform;
import dev.stowage.dsl.script.Schedule;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.Setting;
import dev.stowage.dsl.script.Test;
import dev.stowage.dsl.script.TestChange;
import dev.stowage.dsl.script.Variant;
import dev.stowage.dsl.script.Workload;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.eclipse.emf.ecore.EObject;

/**
 * The statements that hold, sorted by kind: the plan's own, then a variant's on top, then a test's.
 * A later statement adds to those before it; one that says {@code override} takes their place. A
 * test has expectations of its own and does not ask for those of the plan.
 */
final class Statements {
  /** Those of imported files come first. */
  final List<Platform> platforms = new ArrayList<>();

  final List<Param> params = new ArrayList<>();
  final List<Model> models = new ArrayList<>();
  final List<Workload> workloads = new ArrayList<>();
  final List<Place> places = new ArrayList<>();
  final List<PlaceItem> placeItems = new ArrayList<>();
  final List<Schedule> schedules = new ArrayList<>();
  final List<Approximate> approximations = new ArrayList<>();
  final List<Objective> objectives = new ArrayList<>();
  final List<Expect> expectations = new ArrayList<>();
  final List<Setting> settings = new ArrayList<>();

  private Statements() {}

  static Statements of(Script script, Optional<Variant> variant, Optional<Test> test) {
    var statements = new Statements();
    statements.platforms.addAll(Platforms.importedBy(script));
    script.getStatements().forEach(statements::add);
    var chain = new ArrayDeque<Variant>();
    for (var v = variant.orElse(null); v != null && !chain.contains(v); v = v.getBase()) {
      chain.push(v);
    }
    for (var v : chain) {
      for (Change change : v.getChanges()) {
        statements.add(change);
      }
    }
    test.ifPresent(statements::add);
    return statements;
  }

  private void add(Test test) {
    expectations.clear();
    for (TestChange change : test.getChanges()) {
      add(change);
    }
    expectations.addAll(test.getExpectations());
  }

  private void add(EObject statement) {
    switch (statement) {
      case Platform platform -> platforms.add(platform);
      case Param param -> params.add(param);
      case Model model -> models.add(model);
      case Workload workload -> add(workloads, workload, workload.isOverride());
      case Place place -> {
        if (place.isOverride()) {
          placeItems.clear();
        }
        add(places, place, place.isOverride());
        placeItems.addAll(place.getRules());
      }
      case PlaceItem item -> placeItems.add(item);
      case Schedule schedule -> add(schedules, schedule, schedule.isOverride());
      case Approximate approximate -> add(approximations, approximate, approximate.isOverride());
      case Objective objective -> add(objectives, objective, objective.isOverride());
      case Expect expect -> expectations.add(expect);
      case Setting setting -> settings.add(setting);
      default -> {} // imports, library devices, variants and tests say nothing by themselves
    }
  }

  private static <T> void add(List<T> list, T statement, boolean override) {
    if (override) {
      list.clear();
    }
    list.add(statement);
  }
}
