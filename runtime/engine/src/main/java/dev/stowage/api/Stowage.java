package dev.stowage.api;

import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.ModelSource;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.plan.model.ModelHeaders;
import dev.stowage.plan.text.PlanFormatException;
import dev.stowage.plan.text.StowPlan;
import dev.stowage.plan.text.StowPlanFile;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.text.Words;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;

/**
 * Loads compiled plans.
 *
 * <pre>{@code
 * var options = LoadOptions.defaults().withModel(Path.of("models/tiny-opt"));
 * try (var session = Stowage.load("small.stowplan", options)) {
 *   session.generate("In the beginning", GenerateOptions.greedy(), System.out::print);
 * }
 * }</pre>
 *
 * <p>The Java that runs this is started with {@code --add-modules jdk.incubator.vector} for kernels
 * that use the processor's vectors; without, slower ones give the same tokens. What a plan needs of
 * a computational storage drive is in the module {@code stowage-csd}, which then has to be on the
 * class path.
 */
public final class Stowage {
  private Stowage() {}

  /** Loads a {@code .stowplan} file with what it names. */
  public static Session load(Path plan) {
    return load(plan, LoadOptions.defaults());
  }

  /**
   * Loads a {@code .stowplan} file.
   *
   * @throws StowageException if the plan is damaged, its model is missing or another than it was
   *     compiled for, or this machine lacks what it needs
   */
  public static Session load(Path plan, LoadOptions options) {
    var file = plan.toAbsolutePath().normalize();
    try (var in = Files.newInputStream(file)) {
      var read = StowPlanFile.read(in, file.toString());
      return open(file.toString(), read, Optional.of(file.getParent()), options);
    } catch (PlanFormatException e) {
      throw new StowageException(e.getMessage(), e);
    } catch (IOException e) {
      throw new StowageException(plan + " cannot be read: " + e, e);
    }
  }

  /**
   * Loads a plan that the Maven plug-in packaged, from the class path: its name below {@code
   * src/main/stowage}, with the ending {@code .stowplan}. Since a packaged plan does not lie where
   * it was compiled, the options name its model's folder, unless the plan names it by an absolute
   * path.
   *
   * @throws StowageException as for a file, and if there is no such resource
   */
  public static Session load(String resource, LoadOptions options) {
    String name = resource.startsWith("/") ? resource.substring(1) : resource;
    var loader = Thread.currentThread().getContextClassLoader();
    try (var in =
        loader == null
            ? ClassLoader.getSystemResourceAsStream(name)
            : loader.getResourceAsStream(name)) {
      if (in == null) {
        throw new StowageException("there is no plan " + name + " on the class path");
      }
      return open(name, StowPlanFile.read(in, name), Optional.empty(), options);
    } catch (PlanFormatException e) {
      throw new StowageException(e.getMessage(), e);
    } catch (IOException e) {
      throw new StowageException(name + " cannot be read: " + e, e);
    }
  }

  /**
   * Binds a plan.
   *
   * @param base the folder that the plan's relative paths start from, where it has one
   */
  private static Session open(String name, StowPlan read, Optional<Path> base, LoadOptions options)
      throws IOException {
    var model = model(name, read.plan(), base, options);
    var scratch = scratch(base, options);
    var plan =
        scratch.isEmpty()
            ? read.plan()
            : read.plan()
                .withPaths(
                    path -> path,
                    (device, path) -> scratch.get().path().resolve(device).toString());
    try {
      var endIds = new HashSet<>(ModelHeaders.open(model).endTokens());
      var words = Words.of(model, plan.shape());
      var bound =
          dev.stowage.runtime.session.Session.open(
              plan, read.schedule(), base.orElse(Path.of("")), model, options.threads());
      return new Session(plan, bound, words, endIds, scratch);
    } catch (DeviceException | ModelFormatException e) {
      scratch.ifPresent(Scratch::close);
      throw new StowageException(name + ": " + e.getMessage(), e);
    } catch (RuntimeException | Error e) {
      scratch.ifPresent(Scratch::close);
      throw e;
    }
  }

  private static Path model(
      String name, ExecutablePlan plan, Optional<Path> base, LoadOptions options) {
    return switch (plan.source()) {
      case ModelSource.ShapeOnly(var shape) ->
          throw new StowageException(
              "%s is for the shape %s, without weights: it can be planned, not run"
                  .formatted(name, shape));
      case ModelSource.HuggingFace(var path, var _) -> model(name, path, base, options);
      case ModelSource.Gguf(var path, var _) -> model(name, path, base, options);
    };
  }

  private static Path model(String name, String path, Optional<Path> base, LoadOptions options) {
    if (options.model().isPresent()) {
      return options.model().get();
    }
    if (base.isEmpty() && !Path.of(path).isAbsolute()) {
      throw new StowageException(
          "%s comes from the class path, and its model from %s: say where that is with LoadOptions.withModel"
              .formatted(name, path));
    }
    return base.map(folder -> folder.resolve(path)).orElse(Path.of(path));
  }

  /** The folder that devices store in, unless it is as the plan says. */
  private static Optional<Scratch> scratch(Optional<Path> base, LoadOptions options)
      throws IOException {
    if (options.scratch().isPresent()) {
      return Optional.of(new Scratch(options.scratch().get().toAbsolutePath().normalize(), false));
    }
    return base.isPresent()
        ? Optional.empty()
        : Optional.of(new Scratch(Files.createTempDirectory("stowage-"), true));
  }
}
