package dev.stowage.maven;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.maven.model.Resource;
import org.apache.maven.plugin.MojoExecutionException;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.plugins.annotations.LifecyclePhase;
import org.apache.maven.plugins.annotations.Mojo;
import org.apache.maven.plugins.annotations.Parameter;

/**
 * Compiles the project's plans to {@code .stowplan} files, which are packaged with the project's
 * resources: {@code NAME.stowplan} for a plan, {@code NAME-VARIANT.stowplan} for a variant. What
 * was decided is kept beside each source, in {@code NAME.stow.lock}.
 */
@Mojo(name = "compile", defaultPhase = LifecyclePhase.GENERATE_RESOURCES, threadSafe = true)
public final class CompileMojo extends PlanMojo {
  private static final String WRITTEN = "dev.stowage.written";

  /** Skips this goal. */
  @Parameter(property = "stowage.compile.skip", defaultValue = "false")
  private boolean skipCompile;

  /** Where compiled plans go; becomes a folder of resources. */
  @Parameter(
      property = "stowage.outputDirectory",
      defaultValue = "${project.build.directory}/generated-resources/stowage")
  private File outputDirectory;

  /** Follows the name of every compiled plan, so that executions do not overwrite each other's. */
  @Parameter(defaultValue = "")
  private String suffix;

  @Override
  boolean skipped() {
    return skipCompile;
  }

  @Override
  void carryOut() throws MojoExecutionException, MojoFailureException, IOException {
    var root = outputDirectory.toPath().toAbsolutePath().normalize();
    var jobs = new ArrayList<Job>();
    for (var plan : plans()) {
      for (var variant : variants()) {
        String name = name(plan) + (variant.isEmpty() ? "" : "-" + variant);
        var output = root.resolve(name + (suffix == null ? "" : suffix) + ".stowplan");
        claim(output, plan);
        Files.createDirectories(output.getParent());
        jobs.add(
            new Job(
                plan,
                command("compile", plan, variant, "-o", output.toString(), "--format", "json"),
                Optional.of(output)));
      }
    }
    addResources();
    carryOut(jobs, "compiled", (job, answer, good) -> refresh(job));
  }

  private void refresh(Job job) {
    job.output().ifPresent(output -> buildContext().refresh(output.toFile()));
    buildContext().refresh(job.lock().toFile());
  }

  /** Refuses two compilations of one build that would write the same file. */
  private void claim(Path output, Path plan) throws MojoExecutionException {
    @SuppressWarnings("unchecked") // put there a few lines below
    var written = (Map<String, String>) project().getContextValue(WRITTEN);
    if (written == null) {
      written = new HashMap<>();
      project().setContextValue(WRITTEN, written);
    }
    String who = execution() + " for " + plan;
    String other = written.putIfAbsent(output.toString(), who);
    if (other != null && !other.equals(who)) {
      throw new MojoExecutionException(
          "%s is written twice: by %s and by %s; give one of them a <suffix>"
              .formatted(output, other, who));
    }
  }

  private void addResources() {
    String directory = outputDirectory.getAbsolutePath();
    if (project().getResources().stream().noneMatch(r -> directory.equals(r.getDirectory()))) {
      var resource = new Resource();
      resource.setDirectory(directory);
      resource.setFiltering(false);
      resource.addInclude("**/*.stowplan");
      project().addResource(resource);
    }
  }
}
