package dev.stowage.compiler.resolve;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.DeviceKind;
import dev.stowage.dsl.script.PlaceRule;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.Share;
import dev.stowage.dsl.script.Subject;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/**
 * Something may lie on every storage that the plan declares (SW402). A gpu or host computes,
 * whatever lies there; what a machine of another file has is not this plan's choice.
 */
final class DevicesAreUsed implements Lint {
  @Override
  public void check(Script script, Statements statements, Consumer<Diagnostic> report) {
    var restricted = EnumSet.noneOf(Subject.class);
    for (var item : statements.placeItems) {
      if (item instanceof PlaceRule rule
          && rule.getSelectors().isEmpty()
          && !Placements.isOpen(rule)) {
        restricted.add(rule.getSubject());
      }
    }
    var named = named(script);
    for (var platform : statements.platforms) {
      if (platform.eResource() != script.eResource()) {
        continue;
      }
      for (var element : platform.getElements()) {
        if (element instanceof Device device
            && !named.contains(device)
            && isUnused(device.getKind(), restricted)) {
          report.accept(Messages.unusedDevice(Spans.of(device), device.getName()));
        }
      }
    }
  }

  /** The devices that some rule names, in whichever variant. */
  private static Set<EObject> named(Script script) {
    Set<EObject> named = new HashSet<>();
    script
        .eAllContents()
        .forEachRemaining(
            object -> {
              if (object instanceof Share share) {
                named.add(share.getDevice());
              }
            });
    return named;
  }

  private static boolean isUnused(DeviceKind kind, Set<Subject> restricted) {
    return switch (kind) {
      case GPU, HOST -> false;
      case DISK -> restricted.contains(Subject.WEIGHTS) && restricted.contains(Subject.KV);
      case CSD -> restricted.contains(Subject.KV);
    };
  }
}
