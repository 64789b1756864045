package dev.stowage.cli;

import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.plan.model.ModelHeaders;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * What to run: a plan's source, a compiled plan, or a model for which the smallest plan is made.
 */
final class PlanArgument {
  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "FILE",
      description = "A .stow file, which is compiled first, or a .stowplan.")
  private Path file;

  @Option(
      names = "--model",
      paramLabel = "MODEL",
      description =
          "Instead of FILE: a model's folder or .gguf file, for the smallest plan on this machine.")
  private Path model;

  @Mixin private CompileOptions options = new CompileOptions();

  PlanSource open(Console console) throws ModelFormatException {
    if ((file == null) == (model == null)) {
      throw Failure.usage(
          "name either a .stow or .stowplan file, or a model's folder or .gguf file with --model");
    }
    if (model != null) {
      options.refuse("--model");
      if (!Files.exists(console.resolve(model))) {
        throw Failure.usage("%s: no such folder or file".formatted(model));
      }
      return new PlanSource.Model(ModelHeaders.open(console.resolve(model)), console);
    }
    return switch (PlanKind.of(file, console)) {
      case COMPILED -> {
        options.refuse(file.toString());
        var planned = CompiledPlan.read(file, console);
        yield new PlanSource.Compiled(file, planned, planned.model());
      }
      case SOURCE -> {
        var planned = PlanCompiler.compile(file, options, 0, console);
        yield new PlanSource.Source(file, options, planned, planned.model(), console);
      }
    };
  }
}
