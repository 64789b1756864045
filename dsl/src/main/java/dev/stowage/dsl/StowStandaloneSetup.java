package dev.stowage.dsl;

/** Makes the language known to EMF and Xtext outside of an IDE. */
public class StowStandaloneSetup extends StowStandaloneSetupGenerated {

  /** Registers the language for every user of EMF's global registries. */
  public static void doSetup() {
    new StowStandaloneSetup().createInjectorAndDoEMFRegistration();
  }
}
