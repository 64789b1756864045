package dev.stowage.maven;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Optional;
import org.apache.maven.plugin.MojoExecutionException;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.plugins.annotations.LifecyclePhase;
import org.apache.maven.plugins.annotations.Mojo;
import org.apache.maven.plugins.annotations.Parameter;

/** Writes a report on every plan: what goes where, why, and what it is expected to yield. */
@Mojo(name = "explain", defaultPhase = LifecyclePhase.PRE_SITE, threadSafe = true)
public final class ExplainMojo extends PlanMojo {
  /** Where reports go. */
  @Parameter(
      property = "stowage.reportDirectory",
      defaultValue = "${project.build.directory}/site/stowage")
  private File reportDirectory;

  /** The form of reports: {@code html}, {@code human} or {@code json}. */
  @Parameter(property = "stowage.format", defaultValue = "html")
  private String format;

  /** Skips this goal. */
  @Parameter(property = "stowage.explain.skip", defaultValue = "false")
  private boolean skipExplain;

  @Override
  boolean skipped() {
    return skipExplain;
  }

  @Override
  void carryOut() throws MojoExecutionException, MojoFailureException, IOException {
    var root = reportDirectory.toPath().toAbsolutePath().normalize();
    var jobs = new ArrayList<Job>();
    for (var plan : plans()) {
      for (var variant : variants()) {
        String name = name(plan) + (variant.isEmpty() ? "" : "-" + variant);
        jobs.add(
            new Job(
                plan,
                command("explain", plan, variant, "--format", format),
                Optional.of(root.resolve(name + "." + (format.equals("human") ? "txt" : format)))));
      }
    }
    carryOut(
        jobs,
        "explained",
        (job, answer, good) -> {
          if (good) {
            write(job.output().orElseThrow(), answer.out());
          }
        });
  }

  private static void write(Path file, String text) throws IOException {
    Files.createDirectories(file.getParent());
    var written = Files.createTempFile(file.getParent(), "report", ".new");
    Files.writeString(written, text);
    Files.move(written, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
  }
}
