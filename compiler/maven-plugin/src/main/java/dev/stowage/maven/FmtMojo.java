package dev.stowage.maven;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.maven.plugin.MojoExecutionException;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.plugins.annotations.LifecyclePhase;
import org.apache.maven.plugins.annotations.Mojo;
import org.apache.maven.plugins.annotations.Parameter;

/** Lays out the project's plans as the command line and editors do, or asks that they are. */
@Mojo(name = "fmt", defaultPhase = LifecyclePhase.PROCESS_SOURCES, threadSafe = true)
public final class FmtMojo extends PlanMojo {
  /** Writes nothing, and fails where a plan is not laid out. */
  @Parameter(property = "stowage.fmt.check", defaultValue = "false")
  private boolean check;

  /** Skips this goal. */
  @Parameter(property = "stowage.fmt.skip", defaultValue = "false")
  private boolean skipFmt;

  @Override
  boolean skipped() {
    return skipFmt;
  }

  @Override
  void carryOut() throws MojoExecutionException, MojoFailureException, IOException {
    var jobs = new ArrayList<Job>();
    for (var plan : plans()) {
      var command = new ArrayList<>(List.of("fmt", plan.toString()));
      if (check) {
        command.add("--check");
      }
      jobs.add(new Job(plan, command, Optional.empty()));
    }
    carryOut(jobs, check ? "found laid out" : "laid out", (job, answer, good) -> {});
  }
}
