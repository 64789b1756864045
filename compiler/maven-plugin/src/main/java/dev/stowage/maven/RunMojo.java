package dev.stowage.maven;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.maven.plugin.MojoExecutionException;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.plugins.annotations.Mojo;
import org.apache.maven.plugins.annotations.Parameter;

/**
 * Runs a plan of the project on this machine: {@code mvn stowage:run -Dstowage.prompt=TEXT}. Tokens
 * go to standard output as they are made.
 */
@Mojo(name = "run", threadSafe = true)
public final class RunMojo extends PlanMojo {
  /** The plan's name, without {@code .stow}; needed where the project has several. */
  @Parameter(property = "stowage.plan")
  private String plan;

  /** The variant to run; default: the plan as it stands. */
  @Parameter(property = "stowage.variant")
  private String variant;

  /** A text to continue. */
  @Parameter(property = "stowage.prompt")
  private String prompt;

  /**
   * Further arguments of {@code stowage run}, separated by commas: {@code
   * --max-tokens,8,--prompt-ids,2}.
   */
  @Parameter(property = "stowage.arguments")
  private List<String> arguments = List.of();

  /** Skips this goal. */
  @Parameter(property = "stowage.run.skip", defaultValue = "false")
  private boolean skipRun;

  @Override
  boolean skipped() {
    return skipRun;
  }

  @Override
  void carryOut() throws MojoExecutionException, MojoFailureException, IOException {
    var more = new ArrayList<String>();
    if (prompt != null) {
      more.addAll(List.of("--prompt", prompt));
    }
    more.addAll(arguments);
    var command =
        command("run", chosen(), variant == null ? "" : variant, more.toArray(String[]::new));
    int exit = commandLine().run(command);
    if (exit != Answer.GOOD) {
      throw new MojoFailureException(
          "stowage run ended with exit code " + exit + "; what is wrong is said above");
    }
  }

  private Path chosen() throws MojoFailureException, IOException {
    var plans = plans();
    var names = plans.stream().map(this::name).toList();
    if (plan != null) {
      int index = names.indexOf(plan);
      if (index >= 0) {
        return plans.get(index);
      }
      throw new MojoFailureException("there is no plan " + plan + "; there are " + names);
    }
    if (plans.size() == 1) {
      return plans.get(0);
    }
    throw new MojoFailureException(
        plans.isEmpty()
            ? "there are no plans to run"
            : "which plan is to run? Name one with -Dstowage.plan=NAME: " + names);
  }
}
