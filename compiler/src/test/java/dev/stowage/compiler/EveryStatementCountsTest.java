package dev.stowage.compiler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.resolve.Deletion;
import dev.stowage.compiler.resolve.Tests;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.StowParser;
import dev.stowage.plan.text.PlanPrinter;
import dev.stowage.plan.text.SchedulePrinter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * No statement without effect: where one is deleted, the compiled plan, a variant or a test
 * changes, or a diagnostic said that it decides nothing. A few statements of a few plans, drawn
 * with a seed that the message names; {@code -Dstowage.statements=all} takes all of all, {@code
 * -Dstowage.seed=N} the same again.
 */
class EveryStatementCountsTest {
  private static final boolean ALL = "all".equals(System.getProperty("stowage.statements"));
  private static final long SEED = Long.getLong("stowage.seed", new Random().nextLong());
  private static final int SAMPLE = 3;
  private static final int SAMPLED_PLANS = 2;

  private static final List<String> PLANS =
      List.of(
          "../examples/quickstart/quickstart.stow",
          "../examples/maven-project/src/main/stowage/verses.stow",
          "../examples/01-opt30b-t4.stow",
          "../examples/02-opt175b-t4.stow",
          "../examples/03-opt13b-csd.stow",
          "src/test/resources/baselines/quickstart/main.stow",
          "src/test/resources/baselines/opt30b-t4/main.stow",
          "src/test/resources/baselines/expectations/main.stow",
          "src/test/resources/baselines/split-three-ways/main.stow",
          "src/test/resources/baselines/kv-by-layers/main.stow",
          "src/test/resources/baselines/without-effect/main.stow");

  @TestFactory
  Stream<DynamicTest> everyStatementHasAnEffectOrIsSaidToHaveNone() {
    var plans = new ArrayList<>(PLANS);
    if (!ALL) {
      Collections.shuffle(plans, new Random(SEED));
      plans.subList(SAMPLED_PLANS, plans.size()).clear();
    }
    return plans.stream()
        .map(plan -> DynamicTest.dynamicTest(plan, () -> check(Path.of(plan).toAbsolutePath())));
  }

  private static void check(Path file) throws IOException {
    var text = Files.readString(file);
    var review = Compiler.review(file, Settings.none());
    var whole = outcome(text, file);
    assertTrue(review instanceof Compilation.Compiled, review::toString);
    var statements = new ArrayList<>(Deletion.of(StowParser.parse(text, file).root()));
    assertTrue(statements.size() > SAMPLE, "few statements: " + statements);
    if (!ALL) {
      Collections.shuffle(statements, new Random(SEED));
      statements.subList(SAMPLE, statements.size()).clear();
    }
    var wrong = new ArrayList<String>();
    for (var statement : statements) {
      int from = statement.span().offset();
      int to = from + statement.span().length();
      boolean said = Idle.isSaid(statement, review.diagnostics());
      boolean changes = !outcome(text.substring(0, from) + text.substring(to), file).equals(whole);
      if (!said && !changes) {
        wrong.add(
            "line %d: '%s' has no effect"
                .formatted(statement.span().line(), text.substring(from, to)));
      } else if (changes && isSaidToChangeNothing(statement, review)) {
        wrong.add(
            "line %d: '%s' has an effect"
                .formatted(statement.span().line(), text.substring(from, to)));
      }
    }
    assertEquals(List.of(), wrong, "seed " + SEED);
  }

  /** A device that is never used is another matter: it stands in the plan. */
  private static boolean isSaidToChangeNothing(Deletion statement, Compilation review) {
    return Idle.isSaid(
        statement,
        review.diagnostics().stream()
            .filter(d -> !d.code().equals("SW401") && !d.code().equals("SW402"))
            .toList());
  }

  /** All that a text compiles to, but for what was asked: that is the statements' own words. */
  private static String outcome(String text, Path file) {
    var parsed = StowParser.parse(text, file);
    var outcome = new StringBuilder();
    var variants = new ArrayList<Optional<String>>();
    variants.add(Optional.empty());
    Tests.of(parsed.root())
        .variants()
        .forEach(variant -> variants.add(Optional.of(variant.name())));
    for (var variant : variants) {
      var settings = new Settings(Map.of(), variant, OptionalInt.empty());
      outcome.append(outcome(Compiler.compile(parsed, file, settings, Optional.empty())));
    }
    for (var test : Tests.of(parsed.root()).cases()) {
      outcome.append(test.name()).append(test.refusals().stream().map(r -> r.cause()).toList());
      if (!parsed.hasErrors()) {
        outcome.append(
            outcome(Compiler.compile(parsed, file, Settings.none(), Optional.of(test.name()))));
      }
    }
    return outcome.toString();
  }

  private static String outcome(Compilation compilation) {
    return switch (compilation) {
      case Compilation.Compiled compiled ->
          PlanPrinter.print(Idle.unasked(compiled.plan()))
              + SchedulePrinter.print(compiled.schedule())
              + compiled.resolved().expectations().stream().map(e -> e.text()).toList();
      case Compilation.Infeasible infeasible -> "infeasible because of " + infeasible.limits();
      case Compilation.Erroneous erroneous ->
          erroneous.diagnostics().stream()
                  .filter(Diagnostic::isError)
                  .map(Diagnostic::code)
                  .toList()
              + "";
    };
  }
}
