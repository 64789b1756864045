package dev.stowage.compiler.test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.Settings;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** A plan's own tests make their changes, and fail where what they expect is not so. */
class PlanTestsTest {
  private static final Path FILE = Path.of("tested.stow").toAbsolutePath();

  private static final String PLAN =
      """
      plan tested
      param least : percent = 10%
      platform box {
        gpu  t4   { memory 15 GiB  reserve 1 GiB }
        host ram  { memory 200 GiB  reserve 10% }
        disk nvme { memory 1.5 TB  path "/mnt/nvme"  read 2 GB/s  write 1 GB/s }
        link t4 <-> ram { rate 12 GB/s }
      }
      model m = shape opt-6.7b
      workload w { prompt 128 tok  generate 16 tok  batch 8 }
      place { weights on t4 >= least, ram auto  kv on t4 auto, ram auto, nvme auto }
      maximize throughput
      variant onDisk { override place { weights on nvme 100%  kv on ram 100% } }
      """;

  private static TestReport run(String tests, Settings settings) {
    return PlanTests.run(PLAN + tests, FILE, settings);
  }

  private static TestResult only(String test) {
    var report = run(test, Settings.none());
    assertTrue(!report.hasErrors(), report.diagnostics().toString());
    return report.results().getLast();
  }

  private static void passes(String test) {
    var result = only(test);
    assertTrue(result.passed(), result.failures().toString());
  }

  private static void fails(String test, String code, String words) {
    var result = only(test);
    assertEquals(List.of(code), result.failures().stream().map(d -> d.code()).toList(), test);
    var message = result.failures().getFirst().message();
    assertTrue(message.contains(words), message);
  }

  @Test
  void aParameterIsSet() {
    passes("test \"x\" with { least = 40% } { expect share(weights, t4) >= 40% }");
    fails(
        "test \"x\" with { least = 90% } { expect share(weights, t4) < 40% }",
        "SW601", "share(weights, t4) < 40%");
  }

  @Test
  void aDeviceIsSet() {
    passes("test \"x\" with { ram.memory = 8 GiB } { expect share(weights, t4) > 45% }");
  }

  @Test
  void aPlacementIsNarrowedAndOthersStayOpen() {
    passes(
        "test \"x\" with { weights on t4 <= 20% } { expect share(weights, ram) >= 79%"
            + " expect share(weights, t4) >= 9% }");
  }

  @Test
  void anInfeasibleChangeNamesItsLimit() {
    passes(
        "test \"x\" with { t4.memory = 2 GiB  weights on t4 >= 90% }"
            + " { expect infeasible because memory(t4) }");
    fails(
        "test \"x\" with { t4.memory = 2 GiB  weights on t4 >= 90% }"
            + " { expect infeasible because memory(ram) }",
        "SW603", "because of memory(t4)");
    fails("test \"x\" { expect infeasible }", "SW602", "there is a placement");
  }

  @Test
  void anInfeasibleChangeThatNobodyExpectsFails() {
    fails(
        "test \"x\" with { t4.memory = 3 GiB  weights on t4 >= 90% } { expect peak(t4) >= 1 GiB }",
        "SW301", "memory(t4)");
  }

  @Test
  void aTestMayBeAboutAVariant() {
    passes("test \"x\" on onDisk { expect share(weights, nvme) >= 99% }");
    fails("test \"x\" on onDisk { expect share(weights, t4) >= 10% }", "SW601", "share");
  }

  @Test
  void thePlanAndItsVariantsAreHeldToTheirOwnExpectations() {
    var report = run("expect share(weights, nvme) < 1%\n", Settings.none());
    assertEquals(
        List.of("plan", "variant onDisk"),
        report.results().stream().map(TestResult::name).toList());
    assertEquals(List.of(true, false), report.results().stream().map(TestResult::passed).toList());
  }

  @Test
  void parametersFromOutsideReachTests() {
    var report =
        run(
            "test \"x\" { expect share(weights, t4) >= 55% }",
            new Settings(Map.of("least", "60%"), Optional.empty(), OptionalInt.empty()));
    assertTrue(report.passed(), report.results().toString());
  }

  @Test
  void aTextWithErrorsRunsNoTest() {
    var report = run("test \"x\" { expect share(weights, t5) > 1% }", Settings.none());
    assertTrue(report.hasErrors());
    assertEquals(List.of(), report.results());
  }
}
