package dev.stowage.dsl.rules;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Messages;
import dev.stowage.dsl.Spans;
import dev.stowage.dsl.script.Link;
import dev.stowage.dsl.script.ScriptPackage;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EObject;

/** A link leads from one device to another (SW118). */
final class LinksJoinTwoDevices implements Rule {
  @Override
  public void check(EObject object, ScriptTree tree, Consumer<Diagnostic> report) {
    if (object instanceof Link link
        && link.getFrom() != null
        && link.getFrom() == link.getTo()
        && !link.getFrom().eIsProxy()) {
      Spans.of(link, ScriptPackage.Literals.LINK__TO)
          .map(at -> Messages.linkToItself(at, link.getFrom().getName()))
          .ifPresent(report);
    }
  }
}
