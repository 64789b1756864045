package dev.stowage.maven;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.maven.Workshop.Built;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * Real builds of the projects in {@code src/it}. One build of them all, two at a time, that goes on
 * after failures, is looked at first; the tests after it change projects and build them again.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class MavenBuildIT {
  /** With this no compiler can be started: what builds all the same was up to date. */
  private static final String NO_JAVA = "-Dstowage.jdk=/nowhere";

  private static final String OUT = "target/generated-resources/stowage";

  private static Workshop workshop;
  private static Built all;

  @BeforeAll
  static void buildAllProjects() throws IOException, InterruptedException {
    workshop = Workshop.open(Path.of("target/it"));
    twin();
    all = workshop.maven(workshop.folder(), "-T2", "--fail-at-end", "package");
  }

  /** The project clean once more, elsewhere. */
  private static void twin() throws IOException {
    var twin = workshop.project("twin/clean-twin");
    workshop.copy(Path.of("src/it/clean"), twin);
    Workshop.edit(twin.resolve("pom.xml"), "<artifactId>clean<", "<artifactId>clean-twin<");
    Workshop.edit(twin.resolve("pom.xml"), "../parent", "../../parent");
    Path model = workshop.root().resolve("examples/models/tiny-opt");
    for (var project : List.of(workshop.project("clean"), twin)) {
      workshop.copy(model, project.resolve("src/main/models/tiny-opt"));
      for (var plan : List.of("small.stow", "inner/other.stow")) {
        Workshop.edit(
            project.resolve("src/main/stowage").resolve(plan),
            model.toString(),
            plan.contains("/") ? "../../models/tiny-opt" : "../models/tiny-opt");
      }
    }
  }

  private static Path out(String project, String plan) {
    return workshop.project(project).resolve(OUT).resolve(plan);
  }

  private static List<String> outputs(String project) throws IOException {
    var root = workshop.project(project).resolve(OUT);
    if (!Files.isDirectory(root)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(root)) {
      return files
          .filter(Files::isRegularFile)
          .map(file -> root.relativize(file).toString())
          .sorted()
          .toList();
    }
  }

  private static String position(String plan, int line, int column) {
    return "[ERROR] " + workshop.project(plan) + ":[" + line + "," + column + "] ";
  }

  @Test
  @Order(1)
  void plansArePackagedIntoTheJar() throws IOException {
    assertEquals(List.of("inner/other.stowplan", "small.stowplan"), outputs("clean"));
    try (var jar = new ZipFile(workshop.project("clean/target/clean-1.jar").toFile())) {
      var names =
          jar.stream()
              .map(Object::toString)
              .filter(name -> name.contains("stow") && !name.contains("META-INF"))
              .collect(Collectors.toCollection(TreeSet::new));
      assertEquals(new TreeSet<>(List.of("inner/other.stowplan", "small.stowplan")), names);
    }
    assertTrue(Files.exists(workshop.project("clean/src/main/stowage/small.stow.lock")));
  }

  @Test
  @Order(1)
  void theSameSourcesMakeTheSameBytesAnywhere() throws IOException {
    for (var plan : List.of("small.stowplan", "inner/other.stowplan")) {
      assertArrayEquals(
          Files.readAllBytes(out("clean", plan)), Files.readAllBytes(out("twin/clean-twin", plan)));
      assertFalse(Files.readString(out("clean", plan)).contains(workshop.folder().toString()));
    }
  }

  @Test
  @Order(1)
  void anErrorIsReportedWithFileLineAndColumn() {
    all.says(position("error/src/main/stowage/wrong.stow", 4, 21) + "SW105 ");
  }

  @Test
  @Order(1)
  void anInfeasiblePlanFailsTheBuildAndWritesNothing() throws IOException {
    all.says(position("infeasible/src/main/stowage/large.stow", 4, 3) + "SW301 does not fit");
    assertEquals(List.of(), outputs("infeasible"));
  }

  @Test
  @Order(1)
  void aMissedExpectationFailsTheBuildAndWritesNothing() throws IOException {
    all.says(position("expectation/src/main/stowage/hopeful.stow", 11, 1) + "SW601 ");
    assertEquals(List.of(), outputs("expectation"));
  }

  @Test
  @Order(1)
  void warningsFailTheBuildWhereTheProjectSaysSo() throws IOException {
    all.says(
        "[WARNING] " + workshop.project("strict/src/main/stowage/doubtful.stow") + ":[3,1] SW401",
        "has warnings, and warnings are errors here");
  }

  @Test
  @Order(1)
  void everyVariantHasANameOfItsOwn() throws IOException {
    assertEquals(List.of("small-roomy.stowplan", "small.stowplan"), outputs("variant"));
    assertNotEquals(
        Files.readString(out("variant", "small.stowplan")),
        Files.readString(out("variant", "small-roomy.stowplan")));
  }

  @Test
  @Order(1)
  void parametersComeFromThePom() throws IOException {
    assertEquals(List.of("small-of-2.stowplan", "small-of-4.stowplan"), outputs("params"));
    assertNotEquals(
        Files.readString(out("params", "small-of-2.stowplan")),
        Files.readString(out("params", "small-of-4.stowplan")));
    var lock = Files.readString(workshop.project("params/src/main/stowage/small.stow.lock"));
    assertTrue(lock.contains("batchSize=4"), lock);
  }

  @Test
  @Order(1)
  void executionsThatWouldOverwriteEachOtherAreRefused() {
    all.says("is written twice: by execution small-batch", "give one of them a <suffix>");
  }

  @Test
  @Order(1)
  void everyModuleOfAProjectHasItsPlans() throws IOException {
    assertEquals(List.of("one.stowplan"), outputs("many/one"));
    assertEquals(List.of("two.stowplan"), outputs("many/two"));
  }

  @Test
  @Order(1)
  void aPlanWithoutALockFailsWhereOneIsDue() throws IOException {
    all.says("--locked, but there is no");
    assertEquals(List.of(), outputs("locked"));
  }

  @Test
  @Order(1)
  void aSkippedGoalDoesNotEvenRead() throws IOException {
    assertEquals(List.of(), outputs("skip"));
    assertFalse(all.log().contains("never.stow"), all.log());
  }

  @Test
  @Order(1)
  void thePlansOwnTestsAreReportedAsSurefireDoes() throws IOException {
    all.says(position("tested/src/main/stowage/tested.stow", 22, 3) + "SW601 ");
    var report =
        Files.readString(
            workshop.project("tested/target/surefire-reports/TEST-stowage.tested.xml"));
    assertTrue(report.contains("tests=\"3\" errors=\"0\" skipped=\"0\" failures=\"1\""), report);
    assertTrue(report.contains("name=\"too little memory\""), report);
  }

  @Test
  @Order(1)
  void aProjectWithoutPlansBuilds() throws IOException {
    all.says("no plans in " + workshop.project("empty/src/main/stowage"));
    assertTrue(Files.exists(workshop.project("empty/target/empty-1.jar")));
  }

  @Test
  @Order(1)
  void onlyTheProjectsThatShouldFailDoAndGoalsAreSafeInParallel() {
    all.fails();
    for (var project :
        List.of("error", "infeasible", "expectation", "strict", "clash", "locked", "tested")) {
      assertTrue(outcome(project).endsWith("FAILURE"), () -> outcome(project) + all.log());
    }
    for (var project : List.of("clean", "incremental", "variant", "params", "skip", "empty")) {
      assertTrue(outcome(project).endsWith("SUCCESS"), () -> outcome(project) + all.log());
    }
    assertFalse(all.log().contains("not marked as thread-safe"), all.log());
  }

  private static String outcome(String project) {
    return all.log()
        .lines()
        .filter(line -> line.matches("\\[INFO\\] " + project + " 1? ?\\.+ (SUCCESS|FAILURE).*"))
        .map(line -> line.replaceFirst(" \\[.*", ""))
        .findFirst()
        .orElse("no outcome of " + project);
  }

  @Test
  @Order(2)
  void nothingIsStartedWhereNothingChanged() throws IOException, InterruptedException {
    var again =
        workshop.maven(
            Workshop.java17().orElse(Path.of(System.getProperty("java.home"))),
            workshop.folder(),
            NO_JAVA,
            "-pl",
            "clean,twin/clean-twin,incremental,variant,params,many/one,many/two",
            "-am",
            "package");
    again.succeeds();
    assertEquals(0, again.lines("compiled, 0 up to date"), again.log());
    assertEquals(8, again.lines("0 compiled, "), again.log());
  }

  @Test
  @Order(3)
  void onlyPlansThatChangedAreCompiledAgain() throws IOException, InterruptedException {
    var project = workshop.project("incremental");
    var second = Files.getLastModifiedTime(out("incremental", "second.stowplan"));
    var before = Files.readString(out("incremental", "small.stowplan"));
    Workshop.edit(project.resolve("src/main/stowage/machine.stow"), "512 MiB", "256 MiB");
    workshop.maven(project, "package").succeeds().says("1 compiled, 1 up to date");
    assertNotEquals(before, Files.readString(out("incremental", "small.stowplan")));
    assertEquals(second, Files.getLastModifiedTime(out("incremental", "second.stowplan")));
  }

  @Test
  @Order(4)
  void whatWasDeletedComesBackAndWhatIsNoMoreGoes() throws IOException, InterruptedException {
    var project = workshop.project("incremental");
    Files.delete(out("incremental", "small.stowplan"));
    Files.delete(project.resolve("src/main/stowage/second.stow"));
    var java = Workshop.java17().orElse(Path.of(System.getProperty("java.home")));
    workshop.maven(java, project, "generate-resources").succeeds().says("1 compiled, 0 up to date");
    assertEquals(List.of("small.stowplan"), outputs("incremental"));
  }

  @Test
  @Order(4)
  void aPlanPassesAsLongAsItIsAsLocked() throws IOException, InterruptedException {
    var project = workshop.project("locked");
    var lock = project.resolve("src/main/stowage/small.stow.lock");
    workshop.maven(project, "-Dstowage.locked=false", "package").succeeds().says("1 compiled");
    var before = Files.readString(lock);
    workshop.maven(project, "package").succeeds().says("1 compiled, 0 up to date");
    workshop.maven(project, NO_JAVA, "package").succeeds().says("0 compiled, 1 up to date");
    Workshop.edit(project.resolve("src/main/stowage/small.stow"), "batch 2", "batch 1");
    workshop.maven(project, "package").fails().says("compiles differently than");
    assertEquals(before, Files.readString(lock));
  }

  @Test
  @Order(4)
  void aMissingJavaIsSaidInOneLine() throws IOException, InterruptedException {
    var built = workshop.maven(workshop.project("many"), NO_JAVA, "-Dstowage.set.x=1", "compile");
    built.fails().says("stowage.jdk is /nowhere, which is no JDK of version 25 or newer");
  }

  @Test
  @Order(4)
  void aPlanIsExplainedAndRunOnDemand() throws IOException, InterruptedException {
    var built =
        workshop.maven(
            workshop.project("many/one"),
            "dev.stowage:stowage-maven-plugin:explain",
            "dev.stowage:stowage-maven-plugin:run",
            "-Dstowage.prompt=In the beginning",
            "-Dstowage.arguments=--max-tokens,4");
    built.succeeds().says("1 explained", "of the king");
    assertTrue(
        Files.readString(workshop.project("many/one/target/site/stowage/one.html"))
            .contains("<svg"));
  }

  @Test
  @Order(5)
  void plansAreLaidOutOnDemandAndHeldToIt() throws IOException, InterruptedException {
    var project = workshop.project("many/one");
    var plan = project.resolve("src/main/stowage/one.stow");
    Files.writeString(plan, Files.readString(plan).replace("  host", "host"));
    workshop
        .maven(project, "dev.stowage:stowage-maven-plugin:fmt", "-Dstowage.fmt.check=true")
        .fails()
        .says("one.stow", "is not laid out");
    workshop.maven(project, "dev.stowage:stowage-maven-plugin:fmt").succeeds();
    assertTrue(Files.readString(plan).contains("  host"));
    workshop
        .maven(project, "dev.stowage:stowage-maven-plugin:fmt", "-Dstowage.fmt.check=true")
        .succeeds();
  }

  @Test
  @Order(4)
  void whichPlanToRunHasToBeClear() throws IOException, InterruptedException {
    var project = workshop.project("clean");
    workshop
        .maven(project, "dev.stowage:stowage-maven-plugin:run", "-Dstowage.prompt=x")
        .fails()
        .says("which plan is to run? Name one with -Dstowage.plan=NAME: [inner/other, small]");
  }

  @Test
  @Order(4)
  void theExampleProjectBuildsTestsAndRuns() throws IOException, InterruptedException {
    var project = workshop.project("example project"); // a blank in the path, too
    var example = workshop.root().resolve("examples/maven-project");
    workshop.copy(example.resolve("src"), project.resolve("src"));
    Files.copy(example.resolve("pom.xml"), project.resolve("pom.xml"));
    var model = workshop.root().resolve("examples/models/tiny-opt").toString();
    for (var file :
        List.of(
            "src/main/stowage/verses.stow", "src/test/java/com/example/verses/VersesTest.java")) {
      Workshop.edit(project.resolve(file), "../../../../models/tiny-opt", model);
    }
    Workshop.edit(
        project.resolve("src/test/java/com/example/verses/VersesTest.java"),
        "Path.of(\"src/main/stowage\", ",
        "Path.of(");
    workshop.maven(project, "package").succeeds().says("1 compiled", "Tests run: 1, Failures: 0");
    var java =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                "target/verses-1.0-SNAPSHOT.jar"
                    + System.getProperty("path.separator")
                    + "target/lib/*",
                "com.example.verses.Verses",
                model,
                "In the beginning")
            .directory(project.toFile())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    var text = new String(java.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, java.waitFor());
    assertTrue(text.startsWith(" of the king"), text);
  }
}
