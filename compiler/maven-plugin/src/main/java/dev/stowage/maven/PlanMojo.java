package dev.stowage.maven;

import java.io.File;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.inject.Inject;
import org.apache.maven.execution.MavenSession;
import org.apache.maven.plugin.AbstractMojo;
import org.apache.maven.plugin.MojoExecution;
import org.apache.maven.plugin.MojoExecutionException;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.plugins.annotations.Parameter;
import org.apache.maven.project.MavenProject;
import org.apache.maven.toolchain.ToolchainManager;
import org.codehaus.plexus.build.BuildContext;
import org.eclipse.aether.RepositorySystem;
import org.eclipse.aether.RepositorySystemSession;
import org.eclipse.aether.repository.RemoteRepository;

/** What all goals have in common: which plans there are, and who carries a command out. */
abstract class PlanMojo extends AbstractMojo {
  /** Comments, and then the word that makes a file a library of hardware, not a plan. */
  private static final Pattern LIBRARY =
      Pattern.compile("\\A(?:\\s|//[^\\n]*|/\\*(?s:.*?)\\*/)*+library\\b");

  /** Where an IDE says that it is the one building. */
  private static final String IDE = "m2e.version";

  private static final String SET = "stowage.set.";

  /** Skips every goal of Stowage. */
  @Parameter(property = "stowage.skip", defaultValue = "false")
  private boolean skip;

  /** The folder of the plans. */
  @Parameter(
      property = "stowage.sourceDirectory",
      defaultValue = "${project.basedir}/src/main/stowage")
  private File sourceDirectory;

  /**
   * Which files of the folder are plans, as patterns such as {@code **}{@code /*.stow}. Files that
   * begin with {@code library} are only read where a plan imports them.
   */
  @Parameter private List<String> includes = List.of("**/*.stow");

  /** Which files of the folder are left out, as patterns. */
  @Parameter private List<String> excludes = List.of();

  /**
   * Values of the plans' parameters by name. A value on Maven's command line comes first: {@code
   * -Dstowage.set.NAME=VALUE}.
   */
  @Parameter private Map<String, String> params = Map.of();

  /** Variants of every plan to take besides the plan as it stands. */
  @Parameter(property = "stowage.variants")
  private List<String> variants = List.of();

  /** Whether the plan as it stands is taken; if not, only its variants are. */
  @Parameter(property = "stowage.base", defaultValue = "true")
  private boolean base;

  /** Fails where a plan compiles differently than its lock file says; leaves that file alone. */
  @Parameter(property = "stowage.locked", defaultValue = "false")
  private boolean locked;

  /** Fails the build on a warning, too. */
  @Parameter(property = "stowage.warningsAsErrors", defaultValue = "false")
  private boolean warningsAsErrors;

  /**
   * The JDK that runs the compiler, version 25 or newer. Default: the build's JDK toolchain, else
   * STOWAGE_JAVA_HOME, JAVA_HOME, the Java that runs Maven, or one in the usual folders, whichever
   * is first new enough.
   */
  @Parameter(property = "stowage.jdk")
  private File jdk;

  @Parameter(defaultValue = "${project}", readonly = true, required = true)
  private MavenProject project;

  @Parameter(defaultValue = "${session}", readonly = true, required = true)
  private MavenSession session;

  @Parameter(defaultValue = "${mojoExecution}", readonly = true, required = true)
  private MojoExecution execution;

  @Parameter(defaultValue = "${repositorySystemSession}", readonly = true, required = true)
  private RepositorySystemSession repositorySession;

  @Parameter(defaultValue = "${project.remotePluginRepositories}", readonly = true, required = true)
  private List<RemoteRepository> repositories;

  @Inject private RepositorySystem repositorySystem;
  @Inject private ToolchainManager toolchains;
  @Inject private BuildContext buildContext;

  @Override
  public final void execute() throws MojoExecutionException, MojoFailureException {
    if (skip || skipped()) {
      getLog().info("skipped");
      return;
    }
    try {
      carryOut();
    } catch (IOException e) {
      throw new MojoExecutionException(e.toString(), e);
    }
  }

  /** Whether this goal is to do nothing. */
  abstract boolean skipped();

  abstract void carryOut() throws MojoExecutionException, MojoFailureException, IOException;

  final MavenProject project() {
    return project;
  }

  /** The name of what the project configured. */
  final String execution() {
    return "execution " + execution.getExecutionId();
  }

  final BuildContext buildContext() {
    return buildContext;
  }

  final boolean locked() {
    return locked;
  }

  /** The folder of this project's notes on earlier builds. */
  private Path notes() {
    return Path.of(project.getBuild().getDirectory()).resolve("stowage");
  }

  /** The plans of the project, sorted. */
  final List<Path> plans() throws IOException {
    var root = sourceDirectory.toPath().toAbsolutePath().normalize();
    if (!Files.isDirectory(root)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(root)) {
      var plans = new ArrayList<Path>();
      for (var file : (Iterable<Path>) files.sorted()::iterator) {
        var name = root.relativize(file);
        if (Files.isRegularFile(file)
            && matches(name, includes)
            && !matches(name, excludes)
            && !LIBRARY.matcher(Files.readString(file)).find()) {
          plans.add(file);
        }
      }
      return plans;
    }
  }

  private static boolean matches(Path name, List<String> patterns) {
    return patterns.stream()
        .map(pattern -> pattern.startsWith("**/") ? "{**/,}" + pattern.substring(3) : pattern)
        .map(pattern -> FileSystems.getDefault().getPathMatcher("glob:" + pattern))
        .anyMatch(matcher -> matcher.matches(name));
  }

  /** A plan's name below the source folder, without its ending. */
  final String name(Path plan) {
    String name = sourceDirectory.toPath().toAbsolutePath().normalize().relativize(plan).toString();
    return name.substring(0, name.length() - ".stow".length());
  }

  /** The plan as it stands, written as the empty text, and its variants. */
  final List<String> variants() {
    var all = new ArrayList<String>();
    if (base) {
      all.add("");
    }
    all.addAll(variants);
    return all;
  }

  /** A command for a plan, with all that the project sets. */
  final List<String> command(String name, Path plan, String variant, String... more) {
    var command = new ArrayList<>(List.of(name, plan.toString()));
    if (!variant.isEmpty()) {
      command.addAll(List.of("--variant", variant));
    }
    var values = new TreeMap<>(params);
    for (var property : session.getUserProperties().stringPropertyNames()) {
      if (property.startsWith(SET)) {
        values.put(
            property.substring(SET.length()), session.getUserProperties().getProperty(property));
      }
    }
    values.forEach((parameter, value) -> command.addAll(List.of("--set", parameter + "=" + value)));
    if (locked) {
      command.add("--locked");
    }
    command.addAll(Arrays.asList(more));
    return command;
  }

  /** What runs commands, with a Java and jars that are found first. */
  final CommandLine commandLine() throws MojoExecutionException {
    var found = Jdk.find(jdk, toolchains, session);
    getLog().debug("Java: " + found.java() + ", from " + found.origin());
    return CommandLine.resolve(
        version(),
        repositorySystem,
        repositorySession,
        repositories,
        found,
        project.getBasedir().toPath(),
        notes());
  }

  private String version() {
    return execution.getPlugin().getVersion();
  }

  /** What is done with an answer. */
  @FunctionalInterface
  interface Use {
    /**
     * @param good whether the plan is as it should be
     */
    void answer(Job job, Answer answer, boolean good) throws IOException;
  }

  /**
   * Carries out those jobs of which anything changed since they last went well, in one process;
   * reports what the compiler finds.
   *
   * @param done the word for what was done: {@code compiled}
   * @throws MojoFailureException if a plan is not as it should be
   */
  final void carryOut(List<Job> jobs, String done, Use use)
      throws MojoExecutionException, MojoFailureException, IOException {
    var ledger = Ledger.open(notes().resolve(execution.getExecutionId() + ".json"));
    var locks = Ledger.open(notes().resolve("locks.json"));
    var keys = jobs.stream().map(this::key).toList();
    var stale = new ArrayList<Job>();
    for (int i = 0; i < jobs.size(); i++) {
      var job = jobs.get(i);
      boolean lockKept = !writesLock(job) || locks.holds(job.lock().toString());
      if (!lockKept || !ledger.holds(keys.get(i))) {
        stale.add(job);
      }
    }
    removeLeftOver(ledger, keys, jobs);
    int bad = 0;
    if (!stale.isEmpty()) {
      long began = System.currentTimeMillis();
      var answers = commandLine().batch(stale.stream().map(Job::command).toList());
      for (int i = 0; i < answers.size(); i++) {
        boolean good = report(stale.get(i), answers.get(i));
        use.answer(stale.get(i), answers.get(i), good);
        if (good) {
          note(stale.get(i), answers.get(i), began, ledger, locks);
        } else {
          bad++;
        }
      }
    }
    ledger.keep(keys);
    if (!jobs.isEmpty()) {
      ledger.save();
      locks.save();
    }
    if (bad > 0) {
      throw new MojoFailureException(
          "%d of %s not as it should be; what is wrong is said above"
              .formatted(bad, jobs.size() == 1 ? "1 plan is" : jobs.size() + " plans are"));
    }
    getLog()
        .info(
            jobs.isEmpty()
                ? "no plans in " + sourceDirectory
                : "%d %s, %d up to date".formatted(stale.size(), done, jobs.size() - stale.size()));
  }

  /** All that a job's answer depends on besides files. */
  private String key(Job job) {
    var key = new ArrayList<String>();
    key.add(version());
    key.add(Boolean.toString(warningsAsErrors));
    key.addAll(job.command());
    return Json.write(key);
  }

  private boolean writesLock(Job job) {
    return job.output().isPresent() && !locked && job.command().get(0).equals("compile");
  }

  /** Removes what earlier builds wrote for plans or variants that are no more. */
  private void removeLeftOver(Ledger ledger, List<String> keys, List<Job> jobs) throws IOException {
    var wanted = jobs.stream().flatMap(job -> job.output().stream()).collect(Collectors.toSet());
    for (var key : ledger.commands()) {
      if (!keys.contains(key)) {
        var words = Json.array(Json.read(key));
        int option = words.indexOf("-o");
        if (option > 0 && option + 1 < words.size()) {
          var output = Path.of(words.get(option + 1).toString());
          if (!wanted.contains(output) && Files.deleteIfExists(output)) {
            getLog().info("removed " + output);
            buildContext.refresh(output.toFile());
          }
        }
      }
    }
  }

  /**
   * Notes what a job read and wrote, unless something was changed while it was at work, or the
   * answer does not tell.
   */
  private void note(Job job, Answer answer, long began, Ledger ledger, Ledger locks)
      throws IOException {
    if (answer.inputs().isEmpty()) {
      return;
    }
    var files = new ArrayList<>(answer.inputs());
    for (var input : answer.inputs()) {
      if (Files.exists(input) && Files.getLastModifiedTime(input).toMillis() >= began) {
        return;
      }
    }
    job.output().ifPresent(files::add);
    if (writesLock(job)) {
      locks.note(job.lock().toString(), List.of(job.lock()));
    } else if (locked) {
      files.add(job.lock());
    }
    ledger.note(key(job), files);
  }

  /** Says what was found; returns whether the plan is as it should be. */
  private boolean report(Job job, Answer answer) throws MojoExecutionException {
    if (inIde()) {
      buildContext.removeMessages(job.plan().toFile());
    }
    for (var finding : answer.findings()) {
      report(finding);
    }
    if (answer.exit() == Answer.BUG || answer.exit() == Answer.USAGE) {
      throw new MojoExecutionException(
          "stowage %s: %s"
              .formatted(String.join(" ", job.command()), String.join("\n", answer.words())));
    }
    if (answer.exit() != Answer.GOOD) {
      if (!answer.hasErrors()) {
        error(job.plan(), String.join("\n", answer.words()));
      }
      return false;
    }
    if (warningsAsErrors && answer.hasWarnings()) {
      error(job.plan(), "has warnings, and warnings are errors here");
      return false;
    }
    return true;
  }

  private void report(Finding finding) {
    switch (finding.severity()) {
      case ERROR -> {
        getLog().error(finding.text());
        finding.notes().forEach(note -> getLog().error("    " + note));
        mark(finding, BuildContext.SEVERITY_ERROR);
      }
      case WARNING -> {
        getLog().warn(finding.text());
        finding.notes().forEach(note -> getLog().warn("    " + note));
        mark(finding, BuildContext.SEVERITY_WARNING);
      }
      case INFO -> getLog().info(finding.text());
    }
  }

  /** An error of a plan as a whole. */
  private void error(Path plan, String message) {
    report(new Finding(Finding.Severity.ERROR, "", plan.toString(), 1, 1, message, List.of()));
  }

  private void mark(Finding finding, int severity) {
    if (inIde() && !finding.file().startsWith("lib:")) {
      buildContext.addMessage(
          new File(finding.file()),
          finding.line(),
          finding.column(),
          finding.said(),
          severity,
          null);
    }
  }

  /** Whether an IDE wants messages as data, and not as lines of a log. */
  private boolean inIde() {
    return session.getSystemProperties().containsKey(IDE)
        || session.getUserProperties().containsKey(IDE);
  }
}
