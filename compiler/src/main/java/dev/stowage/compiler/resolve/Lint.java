package dev.stowage.compiler.resolve;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Approximate;
import dev.stowage.dsl.script.Change;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.DeviceKind;
import dev.stowage.dsl.script.Objective;
import dev.stowage.dsl.script.Param;
import dev.stowage.dsl.script.ParamRef;
import dev.stowage.dsl.script.Place;
import dev.stowage.dsl.script.PlaceRule;
import dev.stowage.dsl.script.Schedule;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.Share;
import dev.stowage.dsl.script.Subject;
import dev.stowage.dsl.script.Variant;
import dev.stowage.dsl.script.Workload;
import dev.stowage.optimizer.Bounds;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.eclipse.emf.ecore.EObject;

/** Warns of statements without effect: what is declared and never used, said and already so. */
final class Lint {
  private final Script script;
  private final List<Diagnostic> warnings = new ArrayList<>();

  private Lint(Script script) {
    this.script = script;
  }

  /** What is without effect whatever the optimizer finds, in any variant. */
  static List<Diagnostic> check(Script script, Statements statements) {
    var lint = new Lint(script);
    lint.parameters();
    lint.devices(statements);
    lint.overrides();
    return lint.warnings;
  }

  /** Shares that an earlier statement about the same bytes already allows no more than. */
  static List<Diagnostic> redundant(
      List<Bounds.Share> shares, Map<dev.stowage.optimizer.Source, SourceSpan> spans) {
    var warnings = new ArrayList<Diagnostic>();
    for (int i = 0; i < shares.size(); i++) {
      var later = shares.get(i);
      for (var earlier : shares.subList(0, i)) {
        if (earlier.thing().equals(later.thing())
            && earlier.devices().equals(later.devices())
            && earlier.atLeast() >= later.atLeast()
            && earlier.atMost() <= later.atMost()) {
          warnings.add(
              Messages.redundant(
                  spans.get(later.source()),
                  later.source().text(),
                  earlier.source().text(),
                  spans.get(earlier.source())));
          break;
        }
      }
    }
    return warnings;
  }

  private void parameters() {
    Set<Param> used = new HashSet<>();
    script
        .eAllContents()
        .forEachRemaining(
            object -> {
              if (object instanceof ParamRef reference) {
                used.add(reference.getParam());
              }
            });
    for (var statement : script.getStatements()) {
      if (statement instanceof Param param && !used.contains(param)) {
        warnings.add(Messages.unusedParameter(Spans.of(param), param.getName()));
      }
    }
  }

  /** Storage that no variant names, where no kind of bytes may lie. */
  private void devices(Statements statements) {
    var restricted = EnumSet.noneOf(Subject.class);
    for (var item : statements.placeItems) {
      if (item instanceof PlaceRule rule
          && rule.getSelectors().isEmpty()
          && !Placements.isOpen(rule)) {
        restricted.add(rule.getSubject());
      }
    }
    Set<EObject> named = new HashSet<>();
    script
        .eAllContents()
        .forEachRemaining(
            object -> {
              if (object instanceof Share share) {
                named.add(share.getDevice());
              }
            });
    for (var platform : statements.platforms) {
      if (platform.eResource() != script.eResource()) {
        continue; // what a machine has is not this plan's choice
      }
      for (var element : platform.getElements()) {
        if (element instanceof Device device
            && !named.contains(device)
            && isUnused(device.getKind(), restricted)) {
          warnings.add(Messages.unusedDevice(Spans.of(device), device.getName()));
        }
      }
    }
  }

  /** A gpu or host computes, whatever lies there. */
  private static boolean isUnused(DeviceKind kind, Set<Subject> restricted) {
    return switch (kind) {
      case GPU, HOST -> false;
      case DISK -> restricted.contains(Subject.WEIGHTS) && restricted.contains(Subject.KV);
      case CSD -> restricted.contains(Subject.KV);
    };
  }

  private void overrides() {
    for (var statement : script.getStatements()) {
      if (statement instanceof Variant variant) {
        for (var change : variant.getChanges()) {
          if (isOverride(change) && !isSaidBefore(variant, change)) {
            warnings.add(
                Messages.overridesNothing(
                    Spans.of(change),
                    change.eClass().getName().toLowerCase(java.util.Locale.ROOT)));
          }
        }
      }
    }
  }

  private boolean isSaidBefore(Variant variant, Change change) {
    var kind = change.eClass();
    if (script.getStatements().stream().anyMatch(s -> s.eClass() == kind)) {
      return true;
    }
    var seen = new HashSet<Variant>();
    for (var v = variant; v != null && seen.add(v); v = v.getBase()) {
      for (var other : v.getChanges()) {
        if (other == change) {
          break;
        }
        if (other.eClass() == kind) {
          return true;
        }
      }
    }
    return false;
  }

  private static boolean isOverride(EObject statement) {
    return switch (statement) {
      case Workload workload -> workload.isOverride();
      case Place place -> place.isOverride();
      case Schedule schedule -> schedule.isOverride();
      case Approximate approximate -> approximate.isOverride();
      case Objective objective -> objective.isOverride();
      default -> false; // settings replace by nature, expectations add
    };
  }
}
