package dev.stowage.dsl;

import com.google.inject.Inject;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.DeviceType;
import dev.stowage.dsl.script.Header;
import dev.stowage.dsl.script.Param;
import dev.stowage.dsl.script.Platform;
import dev.stowage.dsl.script.PlatformElement;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.ScriptPackage;
import dev.stowage.dsl.script.Statement;
import dev.stowage.dsl.script.Variant;
import dev.stowage.dsl.script.Workload;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.emf.ecore.EClass;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.emf.ecore.EReference;
import org.eclipse.emf.ecore.util.EcoreUtil;
import org.eclipse.xtext.naming.QualifiedName;
import org.eclipse.xtext.resource.EObjectDescription;
import org.eclipse.xtext.resource.IEObjectDescription;
import org.eclipse.xtext.scoping.IScope;
import org.eclipse.xtext.scoping.IScopeProvider;
import org.eclipse.xtext.scoping.impl.MapBasedScope;
import org.eclipse.xtext.util.IResourceScopeCache;
import org.eclipse.xtext.xbase.lib.Pair;

/**
 * Which names a reference may use: what its own file declares and what that file imports, directly
 * or not. Device types of a library are written with its name in front ({@code nvidia.T4}), those
 * of the same file also without; all else by its plain name. Variants are those of the same file.
 */
public class VisibleNames implements IScopeProvider {

  /** Forgets what it holds when the file changes. */
  @Inject private IResourceScopeCache cache;

  @Override
  public IScope getScope(EObject context, EReference reference) {
    if (!(EcoreUtil.getRootContainer(context) instanceof Script script)) {
      return IScope.NULLSCOPE;
    }
    EClass wanted = reference.getEReferenceType();
    return cache.get(
        Pair.of(VisibleNames.class, wanted),
        script.eResource(),
        () -> MapBasedScope.createScope(IScope.NULLSCOPE, visible(script, wanted)));
  }

  /** All names of one kind that a file may use. */
  public static List<IEObjectDescription> visible(Script script, EClass wanted) {
    var names = new ArrayList<IEObjectDescription>();
    if (wanted == ScriptPackage.Literals.VARIANT) {
      addAll(script, true, wanted, names);
    } else {
      for (Script visible : Imports.visibleFrom(script)) {
        addAll(visible, visible == script, wanted, names);
      }
    }
    return names;
  }

  private static void addAll(
      Script script, boolean own, EClass wanted, List<IEObjectDescription> names) {
    for (Statement statement : script.getStatements()) {
      switch (statement) {
        case Platform platform -> {
          for (PlatformElement element : platform.getElements()) {
            if (element instanceof Device device) {
              add(device, device.getName(), wanted, names);
            }
          }
        }
        case DeviceType type -> {
          addType(script.getHeader(), type, wanted, names);
          if (own) {
            add(type, type.getName(), wanted, names);
          }
        }
        case Param param -> add(param, param.getName(), wanted, names);
        case Workload workload -> add(workload, workload.getName(), wanted, names);
        case Variant variant -> add(variant, variant.getName(), wanted, names);
        default -> {}
      }
    }
  }

  private static void addType(
      Header header, DeviceType type, EClass wanted, List<IEObjectDescription> names) {
    if (header != null
        && header.getName() != null
        && type.getName() != null
        && fits(type, wanted)) {
      names.add(
          EObjectDescription.create(QualifiedName.create(header.getName(), type.getName()), type));
    }
  }

  private static void add(
      EObject object, String name, EClass wanted, List<IEObjectDescription> names) {
    if (name != null && fits(object, wanted)) {
      names.add(EObjectDescription.create(name, object));
    }
  }

  private static boolean fits(EObject object, EClass wanted) {
    return wanted.isSuperTypeOf(object.eClass());
  }
}
