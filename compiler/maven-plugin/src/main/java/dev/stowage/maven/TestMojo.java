package dev.stowage.maven;

import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Optional;
import org.apache.maven.plugin.MojoExecutionException;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.plugins.annotations.LifecyclePhase;
import org.apache.maven.plugins.annotations.Mojo;
import org.apache.maven.plugins.annotations.Parameter;

/**
 * Runs the plans' own tests: what they expect of predictions, for the plan, its variants and its
 * {@code test} blocks. Needs no GPU and runs no model. Reports lie beside Surefire's, in its form.
 */
@Mojo(name = "test", defaultPhase = LifecyclePhase.TEST, threadSafe = true)
public final class TestMojo extends PlanMojo {
  /** Where reports go, {@code TEST-stowage.NAME.xml} for every plan. */
  @Parameter(
      property = "stowage.testReportDirectory",
      defaultValue = "${project.build.directory}/surefire-reports")
  private File testReportDirectory;

  /** Skips this goal. */
  @Parameter(property = "stowage.test.skip", defaultValue = "false")
  private boolean skipTest;

  /** Skips this goal, as it does Surefire's. */
  @Parameter(property = "skipTests", defaultValue = "false")
  private boolean skipTests;

  /** Skips this goal, as it does Surefire's. */
  @Parameter(property = "maven.test.skip", defaultValue = "false")
  private boolean mavenTestSkip;

  @Override
  boolean skipped() {
    return skipTest || skipTests || mavenTestSkip;
  }

  @Override
  void carryOut() throws MojoExecutionException, MojoFailureException, IOException {
    var reports = testReportDirectory.toPath().toAbsolutePath().normalize();
    var jobs = new ArrayList<Job>();
    for (var plan : plans()) {
      var report = reports.resolve("TEST-" + suite(name(plan)) + ".xml");
      var command = command("test", plan, "", "--format", "json");
      command.remove("--locked"); // tests decide other things than the lock holds
      jobs.add(new Job(plan, command, Optional.of(report)));
    }
    carryOut(
        jobs,
        "tested",
        (job, answer, good) ->
            SurefireReport.of(suite(name(job.plan())), answer).write(job.output().orElseThrow()));
  }

  private static String suite(String plan) {
    return "stowage." + plan.replace(File.separatorChar, '.');
  }
}
