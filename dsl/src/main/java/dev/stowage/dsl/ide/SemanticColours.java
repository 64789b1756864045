package dev.stowage.dsl.ide;

import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.DeviceType;
import dev.stowage.dsl.script.Metric;
import dev.stowage.dsl.script.Model;
import dev.stowage.dsl.script.ModelOption;
import dev.stowage.dsl.script.Param;
import dev.stowage.dsl.script.Platform;
import dev.stowage.dsl.script.Property;
import dev.stowage.dsl.script.ScriptPackage;
import dev.stowage.dsl.script.Segment;
import dev.stowage.dsl.script.Setting;
import dev.stowage.dsl.script.Variant;
import dev.stowage.dsl.script.Workload;
import dev.stowage.dsl.script.WorkloadItem;
import org.eclipse.emf.ecore.EClass;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.emf.ecore.EReference;
import org.eclipse.emf.ecore.EStructuralFeature;
import org.eclipse.lsp4j.SemanticTokenModifiers;
import org.eclipse.lsp4j.SemanticTokenTypes;
import org.eclipse.xtext.ide.editor.syntaxcoloring.DefaultSemanticHighlightingCalculator;
import org.eclipse.xtext.ide.editor.syntaxcoloring.IHighlightedPositionAcceptor;
import org.eclipse.xtext.nodemodel.INode;
import org.eclipse.xtext.nodemodel.util.NodeModelUtils;
import org.eclipse.xtext.util.CancelIndicator;

/**
 * Colours names by what they stand for; keywords, numbers and comments an editor colours itself.
 */
public class SemanticColours extends DefaultSemanticHighlightingCalculator {

  @Override
  protected boolean highlightElement(
      EObject object, IHighlightedPositionAcceptor acceptor, CancelIndicator cancel) {
    EStructuralFeature name = object.eClass().getEStructuralFeature("name");
    String style = styleOfName(object);
    if (name != null && style != null) {
      if (isDeclaration(object)) {
        highlightFeature(acceptor, object, name, style, SemanticTokenModifiers.Declaration);
      } else {
        highlightFeature(acceptor, object, name, style);
      }
    }
    if (object instanceof Setting setting && setting.getProperty() != null) {
      highlightFeature(
          acceptor, object, ScriptPackage.Literals.SETTING__PROPERTY, SemanticTokenTypes.Property);
    }
    for (EReference reference : object.eClass().getEAllReferences()) {
      String target = styleOfTarget(reference.getEReferenceType());
      if (!reference.isContainment() && target != null) {
        for (INode node : NodeModelUtils.findNodesForFeature(object, reference)) {
          highlightNode(acceptor, node, target);
        }
      }
    }
    return false;
  }

  private static boolean isDeclaration(EObject object) {
    return object instanceof Device
        || object instanceof DeviceType
        || object instanceof Param
        || object instanceof Platform
        || object instanceof Model
        || object instanceof Workload
        || object instanceof Variant;
  }

  private static String styleOfName(EObject object) {
    return switch (object) {
      case Device _, Platform _, Model _, Workload _ -> SemanticTokenTypes.Variable;
      case DeviceType _ -> SemanticTokenTypes.Type;
      case Param _ -> SemanticTokenTypes.Parameter;
      case Variant _ -> SemanticTokenTypes.Class;
      case Property _, WorkloadItem _, ModelOption _ -> SemanticTokenTypes.Property;
      case Metric _ -> SemanticTokenTypes.Function;
      case Segment _ -> SemanticTokenTypes.EnumMember;
      default -> null;
    };
  }

  private static String styleOfTarget(EClass type) {
    if (type == ScriptPackage.Literals.DEVICE || type == ScriptPackage.Literals.SETTABLE) {
      return SemanticTokenTypes.Variable;
    }
    if (type == ScriptPackage.Literals.DEVICE_TYPE) {
      return SemanticTokenTypes.Type;
    }
    if (type == ScriptPackage.Literals.PARAM) {
      return SemanticTokenTypes.Parameter;
    }
    return type == ScriptPackage.Literals.VARIANT ? SemanticTokenTypes.Class : null;
  }
}
