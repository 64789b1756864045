package dev.stowage.dsl.ide;

import dev.stowage.dsl.script.ScriptPackage;
import org.eclipse.emf.ecore.EClass;
import org.eclipse.lsp4j.SymbolKind;
import org.eclipse.xtext.ide.server.symbol.DocumentSymbolMapper.DocumentSymbolKindProvider;

/** Which picture the outline shows. */
public class OutlineKinds extends DocumentSymbolKindProvider {

  @Override
  protected SymbolKind getSymbolKind(EClass type) {
    if (type == null) {
      return SymbolKind.Property;
    }
    return switch (type.getClassifierID()) {
      case ScriptPackage.PLATFORM -> SymbolKind.Module;
      case ScriptPackage.DEVICE -> SymbolKind.Object;
      case ScriptPackage.DEVICE_TYPE -> SymbolKind.Struct;
      case ScriptPackage.LINK -> SymbolKind.Interface;
      case ScriptPackage.PARAM -> SymbolKind.Variable;
      case ScriptPackage.VARIANT -> SymbolKind.Class;
      case ScriptPackage.TEST -> SymbolKind.Event;
      case ScriptPackage.MODEL, ScriptPackage.WORKLOAD -> SymbolKind.Constant;
      default -> SymbolKind.Namespace;
    };
  }
}
