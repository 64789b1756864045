package dev.stowage.dsl.ide;

import org.eclipse.xtext.documentation.IEObjectDocumentationProvider;
import org.eclipse.xtext.ide.editor.contentassist.IdeContentProposalProvider;
import org.eclipse.xtext.ide.editor.syntaxcoloring.ISemanticHighlightingCalculator;
import org.eclipse.xtext.ide.server.codeActions.ICodeActionService2;
import org.eclipse.xtext.ide.server.formatting.FormattingService;
import org.eclipse.xtext.ide.server.symbol.DocumentSymbolMapper.DocumentSymbolKindProvider;
import org.eclipse.xtext.ide.server.symbol.DocumentSymbolMapper.DocumentSymbolNameProvider;
import org.eclipse.xtext.naming.IQualifiedNameProvider;
import org.eclipse.xtext.resource.IResourceDescription;
import org.eclipse.xtext.util.IResourceScopeCache;
import org.eclipse.xtext.validation.IResourceValidator;

/** Wires the language's editor services. */
public class StowIdeModule extends AbstractStowIdeModule {

  public Class<? extends IResourceValidator> bindIResourceValidator() {
    return DiagnosticPublisher.class;
  }

  public Class<? extends ICodeActionService2> bindICodeActionService2() {
    return FixActions.class;
  }

  public Class<? extends FormattingService> bindFormattingService() {
    return LayoutService.class;
  }

  public Class<? extends ISemanticHighlightingCalculator> bindISemanticHighlightingCalculator() {
    return SemanticColours.class;
  }

  public Class<? extends IEObjectDocumentationProvider> bindIEObjectDocumentationProvider() {
    return HoverText.class;
  }

  public Class<? extends IdeContentProposalProvider> bindIdeContentProposalProvider() {
    return Proposals.class;
  }

  public Class<? extends IQualifiedNameProvider> bindIQualifiedNameProvider() {
    return DeclaredNames.class;
  }

  public Class<? extends DocumentSymbolNameProvider> bindDocumentSymbolNameProvider() {
    return OutlineNames.class;
  }

  public Class<? extends DocumentSymbolKindProvider> bindDocumentSymbolKindProvider() {
    return OutlineKinds.class;
  }

  /** In an editor the imported files change too, of which a file's own cache hears nothing. */
  public Class<? extends IResourceScopeCache> bindIResourceScopeCache() {
    return IResourceScopeCache.NullImpl.class;
  }

  public Class<? extends IResourceDescription.Manager> bindIResourceDescription$Manager() {
    return AffectedFiles.class;
  }
}
