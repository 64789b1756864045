package dev.stowage.dsl.ide;

import com.google.inject.Guice;
import com.google.inject.Injector;
import dev.stowage.dsl.StowRuntimeModule;
import dev.stowage.dsl.StowStandaloneSetup;
import org.eclipse.xtext.util.Modules2;

/**
 * Starts the language with its editor services on top; the language server finds it by {@code
 * ServiceLoader}.
 */
public class StowIdeSetup extends StowStandaloneSetup {

  @Override
  public Injector createInjector() {
    return Guice.createInjector(Modules2.mixin(new StowRuntimeModule(), new StowIdeModule()));
  }
}
