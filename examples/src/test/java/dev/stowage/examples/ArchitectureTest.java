package dev.stowage.examples;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static java.util.Map.entry;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Who may use whom: the table of modules in the README, held against the class files. */
class ArchitectureTest {
  /** The modules, and those of ours that each may use. */
  private static final Map<String, Set<String>> MODULES =
      Map.ofEntries(
          entry("dsl", Set.of()),
          entry("plan", Set.of()),
          entry("optimizer", Set.of("plan")),
          entry("compiler", Set.of("dsl", "optimizer", "plan")),
          entry("runtime", Set.of("plan")),
          entry("csd", Set.of("plan", "runtime")),
          entry("gpu", Set.of("plan", "runtime")),
          entry("calibrate", Set.of("plan", "optimizer", "compiler", "runtime")),
          entry(
              "cli", Set.of("dsl", "plan", "optimizer", "compiler", "runtime", "csd", "calibrate")),
          entry("lsp", Set.of("dsl", "compiler")),
          entry("maven", Set.of()),
          entry("api", Set.of("plan", "runtime")));

  /** Libraries, and the only packages that may use them. */
  private static final Map<String, List<String>> LIBRARIES =
      Map.ofEntries(
          entry("com.google.ortools..", List.of("dev.stowage.optimizer.ortools")),
          entry(
              "org.eclipse.emf..",
              List.of("dev.stowage.dsl..", "dev.stowage.compiler.resolve", "dev.stowage.lsp")),
          entry(
              "org.eclipse.xtext..",
              List.of("dev.stowage.dsl..", "dev.stowage.compiler.resolve", "dev.stowage.lsp")),
          entry("org.eclipse.lsp4j..", List.of("dev.stowage.dsl.ide", "dev.stowage.lsp")),
          entry("com.google.inject..", List.of("dev.stowage.dsl..", "dev.stowage.lsp")),
          entry("com.google.common..", List.of("dev.stowage.dsl..")),
          entry(
              "jdk.incubator.vector..",
              List.of("dev.stowage.runtime.kernel.vector", "dev.stowage.csd.kernel.vector")),
          entry(
              "com.fasterxml.jackson..",
              List.of(
                  "dev.stowage.plan.model",
                  "dev.stowage.runtime.tokenizer",
                  "dev.stowage.compiler.explain",
                  "dev.stowage.compiler.lock",
                  "dev.stowage.compiler.migrate",
                  "dev.stowage.cli",
                  "dev.stowage.cli.jinja",
                  "dev.stowage.cli.serve")),
          entry("jcuda..", List.of("dev.stowage.gpu")),
          entry("picocli..", List.of("dev.stowage.cli")),
          entry("org.apache.maven..", List.of("dev.stowage.maven")));

  private static JavaClasses classes;

  @BeforeAll
  static void readClassFiles() {
    classes =
        new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("dev.stowage");
  }

  static Set<String> modules() {
    return MODULES.keySet();
  }

  static Set<String> libraries() {
    return LIBRARIES.keySet();
  }

  @Test
  void everyModuleIsLookedAt() {
    var seen =
        classes.stream()
            .map(JavaClass::getPackageName)
            .filter(name -> !name.startsWith("dev.stowage.examples"))
            .map(name -> name.split("\\.")[2])
            .collect(Collectors.toCollection(TreeSet::new));
    assertEquals(new TreeSet<>(MODULES.keySet()), seen);
  }

  @ParameterizedTest
  @MethodSource("modules")
  void usesOnlyTheModulesThatTheTableAllows(String module) {
    var forbidden =
        MODULES.keySet().stream()
            .filter(other -> !other.equals(module) && !MODULES.get(module).contains(other))
            .map(other -> "dev.stowage." + other + "..")
            .toArray(String[]::new);
    if (forbidden.length > 0) {
      noClasses()
          .that()
          .resideInAPackage("dev.stowage." + module + "..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(forbidden)
          .check(classes);
    }
  }

  @ParameterizedTest
  @MethodSource("libraries")
  void libraryIsUsedOnlyWhereTheTableAllows(String library) {
    noClasses()
        .that()
        .resideInAPackage("dev.stowage..")
        .and()
        .resideOutsideOfPackages(LIBRARIES.get(library).toArray(String[]::new))
        .should()
        .dependOnClassesThat()
        .resideInAPackage(library)
        .check(classes);
  }

  /** What runs a plan names the compiler in few classes, so that a compiled one loads without. */
  @Test
  void runningNamesTheCompilerInFewClassesOnly() {
    var running = new TreeSet<String>();
    var knowing = new TreeSet<String>();
    var next = new ArrayDeque<>(List.of("RunCommand", "ScoreCommand", "CompiledPlan"));
    while (!next.isEmpty()) {
      var name = next.pop();
      if (!running.add(name)) {
        continue;
      }
      for (var c : classes) {
        if (c.getPackageName().equals("dev.stowage.cli") && outermost(c).equals(name)) {
          for (var dependency : c.getDirectDependenciesFromSelf()) {
            var target = dependency.getTargetClass();
            if (target.getPackageName().equals("dev.stowage.cli")) {
              next.add(outermost(target));
            } else if (knowsHowToCompile(target.getPackageName())) {
              knowing.add(name);
            }
          }
        }
      }
    }
    assertEquals(
        new TreeSet<>(
            Set.of(
                "DiagnosticPrinter",
                "LaneTrace",
                "Lock",
                "PlanCompiler",
                "Planned",
                "SimulationReport")),
        knowing);
  }

  private static String outermost(JavaClass c) {
    return c.getName().replaceFirst(".*\\.", "").replaceFirst("\\$.*", "");
  }

  private static boolean knowsHowToCompile(String packageName) {
    return packageName.startsWith("dev.stowage.compiler")
        || packageName.startsWith("dev.stowage.optimizer")
        || packageName.startsWith("dev.stowage.dsl");
  }

  @Test
  void everyPackageSaysWhatItTurnsIntoWhat() throws IOException {
    var packages = new TreeSet<Path>();
    for (var module :
        List.of(
            "dsl",
            "runtime/plan",
            "optimizer",
            "compiler",
            "runtime/engine",
            "csd-backend",
            "runtime/gpu",
            "runtime/cli",
            "runtime/bench",
            "runtime/gpu-bundle",
            "compiler/maven-plugin",
            "lsp-server")) {
      var sources = Path.of("..", module, "src", "main", "java");
      if (Files.isDirectory(sources)) {
        try (Stream<Path> files = Files.walk(sources)) {
          files
              .filter(file -> file.toString().endsWith(".java"))
              .forEach(file -> packages.add(file.getParent()));
        }
      }
    }
    assertTrue(packages.size() > 10, () -> "found only " + packages);
    var silent =
        packages.stream().filter(p -> !Files.exists(p.resolve("package-info.java"))).toList();
    assertEquals(List.of(), silent);
  }
}
