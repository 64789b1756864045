package dev.stowage.dsl.ide;

import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.DeviceType;
import dev.stowage.dsl.script.Model;
import dev.stowage.dsl.script.Param;
import dev.stowage.dsl.script.Platform;
import dev.stowage.dsl.script.Test;
import dev.stowage.dsl.script.Variant;
import dev.stowage.dsl.script.Workload;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.xtext.naming.IQualifiedNameProvider;
import org.eclipse.xtext.naming.QualifiedName;

/**
 * The names that a file gives, for the index of the workspace; not the words that merely stand in
 * it.
 */
public class DeclaredNames extends IQualifiedNameProvider.AbstractImpl {

  @Override
  public QualifiedName getFullyQualifiedName(EObject object) {
    String name =
        switch (object) {
          case Device it -> it.getName();
          case DeviceType it -> it.getName();
          case Model it -> it.getName();
          case Param it -> it.getName();
          case Platform it -> it.getName();
          case Test it -> it.getName();
          case Variant it -> it.getName();
          case Workload it -> it.getName();
          case null, default -> null;
        };
    return name == null || name.isEmpty() ? null : QualifiedName.create(name);
  }
}
