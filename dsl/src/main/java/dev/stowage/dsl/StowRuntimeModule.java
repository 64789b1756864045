package dev.stowage.dsl;

import org.eclipse.xtext.conversion.IValueConverterService;
import org.eclipse.xtext.parser.antlr.ISyntaxErrorMessageProvider;
import org.eclipse.xtext.scoping.IScopeProvider;

/** Puts the language's hand-written parts in the places that Xtext has for them. */
public class StowRuntimeModule extends AbstractStowRuntimeModule {

  @Override
  public Class<? extends IScopeProvider> bindIScopeProvider() {
    return VisibleNames.class;
  }

  @Override
  public Class<? extends IValueConverterService> bindIValueConverterService() {
    return Literals.class;
  }

  /** Words syntax errors for people. */
  public Class<? extends ISyntaxErrorMessageProvider> bindISyntaxErrorMessageProvider() {
    return SyntaxMessages.class;
  }
}
