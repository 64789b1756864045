package dev.stowage.maven;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Optional;
import org.apache.maven.plugin.MojoExecutionException;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.plugins.annotations.LifecyclePhase;
import org.apache.maven.plugins.annotations.Mojo;
import org.apache.maven.plugins.annotations.Parameter;

/** Checks the project's plans, and writes nothing. */
@Mojo(name = "check", defaultPhase = LifecyclePhase.VALIDATE, threadSafe = true)
public final class CheckMojo extends PlanMojo {
  /** Skips this goal. */
  @Parameter(property = "stowage.check.skip", defaultValue = "false")
  private boolean skipCheck;

  @Override
  boolean skipped() {
    return skipCheck;
  }

  @Override
  void carryOut() throws MojoExecutionException, MojoFailureException, IOException {
    var jobs = new ArrayList<Job>();
    for (var plan : plans()) {
      for (var variant : variants()) {
        jobs.add(
            new Job(plan, command("check", plan, variant, "--format", "json"), Optional.empty()));
      }
    }
    carryOut(jobs, "checked", (job, answer, good) -> {});
  }
}
