package dev.stowage.dsl.ide;

import dev.stowage.dsl.script.Approximate;
import dev.stowage.dsl.script.Link;
import dev.stowage.dsl.script.Model;
import dev.stowage.dsl.script.Objective;
import dev.stowage.dsl.script.Place;
import dev.stowage.dsl.script.Platform;
import dev.stowage.dsl.script.Schedule;
import dev.stowage.dsl.script.Workload;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.xtext.ide.server.symbol.DocumentSymbolMapper.DocumentSymbolNameProvider;
import org.eclipse.xtext.nodemodel.util.NodeModelUtils;

/** What the outline calls a statement: its name, or its first words when it has none. */
public class OutlineNames extends DocumentSymbolNameProvider {

  @Override
  public String getName(EObject object) {
    String name = super.getName(object);
    if (name != null) {
      return name;
    }
    return switch (object) {
      case Place _ -> "place";
      case Schedule _ -> "schedule";
      case Approximate _ -> "approximate";
      case Platform _ -> "platform";
      case Model _ -> "model";
      case Workload _ -> "workload";
      case Objective objective when objective.getGoal() != null ->
          NodeModelUtils.getTokenText(NodeModelUtils.findActualNodeFor(objective.getGoal()));
      case Link link when link.getFrom() != null && link.getTo() != null ->
          link.getFrom().getName()
              + " "
              + link.getDirection().getLiteral()
              + " "
              + link.getTo().getName();
      case null, default -> null;
    };
  }
}
