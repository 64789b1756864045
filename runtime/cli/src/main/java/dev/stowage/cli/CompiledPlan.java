package dev.stowage.cli;

import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.text.PlanFormatException;
import dev.stowage.plan.text.StowPlan;
import dev.stowage.plan.text.StowPlanFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** Plans in {@code .stowplan} files: their relative paths start from the file's folder. */
final class CompiledPlan {
  private CompiledPlan() {}

  static Planned read(Path file, Console console) {
    var path = console.resolve(file).toAbsolutePath().normalize();
    try {
      var read = StowPlanFile.read(path);
      return new Planned(
          read.plan(),
          read.schedule(),
          path.getParent(),
          false,
          _ -> true,
          Optional.empty(),
          Optional.empty());
    } catch (PlanFormatException e) {
      throw new Failure(Exit.PLAN_ERRORS, e.getMessage());
    } catch (IOException e) {
      throw Failure.machine("%s cannot be read: %s".formatted(file, e.getMessage()));
    }
  }

  /** Writes a plan; its relative paths then start from where it lies. */
  static void write(Planned planned, Path file, Console console) {
    var path = console.resolve(file).toAbsolutePath().normalize();
    var plan = moved(planned.plan(), planned.base(), path.getParent());
    try {
      StowPlanFile.write(path, new StowPlan(plan, planned.schedule()));
    } catch (IOException e) {
      throw Failure.machine("%s cannot be written: %s".formatted(file, e));
    }
  }

  private static ExecutablePlan moved(ExecutablePlan plan, Path from, Path to) {
    return from.equals(to)
        ? plan
        : plan.withPaths(path -> moved(path, from, to), (device, path) -> moved(path, from, to));
  }

  private static String moved(String path, Path from, Path to) {
    return Path.of(path).isAbsolute()
        ? path
        : to.relativize(from.resolve(path).normalize()).toString();
  }
}
