package dev.stowage.dsl;

import dev.stowage.dsl.script.Platform;
import dev.stowage.dsl.script.Script;
import java.util.ArrayList;
import java.util.List;

/** The hardware that a file gets from others, by {@code platform … from} or by {@code import}. */
public final class Platforms {
  private Platforms() {}

  /**
   * The platforms of all files that a script imports, directly or not: what is imported stands
   * before what imports it, so that a later device of the same name refines an earlier one.
   */
  public static List<Platform> importedBy(Script script) {
    var platforms = new ArrayList<Platform>();
    for (Script visible : Imports.visibleFrom(script).reversed()) {
      if (visible != script) {
        visible.getStatements().stream()
            .filter(Platform.class::isInstance)
            .map(Platform.class::cast)
            .forEach(platforms::add);
      }
    }
    return platforms;
  }
}
