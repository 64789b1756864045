package dev.stowage.optimizer.flexgen;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.optimizer.flexgen.FlexGenCost.Overlap;
import dev.stowage.optimizer.flexgen.FlexGenCost.Terms;
import dev.stowage.optimizer.flexgen.FlexGenPolicy.Shares;
import dev.stowage.optimizer.ortools.GlopSolver;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Numbers printed by FlexLLMGen's own cost_model.py with its default constants. */
class FlexGenTest {
  private static final double GIB = 1L << 30;
  private static final FlexGenWork OPT_30B = new FlexGenWork(48, 7168, 28672, 56, 512, 32);
  private static final FlexGenWork OPT_6_7B = new FlexGenWork(32, 4096, 16384, 32, 512, 32);
  private static final FlexGenPolicy HEADLINE =
      new FlexGenPolicy(
          48, 3, Shares.percent(20, 80), Shares.percent(0, 100), Shares.percent(0, 100), false);
  private static final FlexGenPolicy ALL_GPU =
      new FlexGenPolicy(
          2, 1, Shares.percent(100, 0), Shares.percent(100, 0), Shares.percent(100, 0), false);

  @Test
  void theHeadlinePolicysSecondsAreFlexGens() {
    var cost = FlexGenCost.of(OPT_30B, HEADLINE, FlexGenConstants.T4, Overlap.RELEASED);
    assertTerms(new Terms(0.147644, 2.237830, 0, 0, 4.388967), cost.prefill());
    assertTerms(new Terms(0.071425, 0.000399, 0, 0, 0.220976), cost.decode());
    assertEquals(645.76408, cost.totalSeconds(), 5e-6);
    assertEquals(7.135733, cost.throughputTokensPerSecond(), 5e-7);
  }

  @Test
  void everythingOnTheGpuCostsWhatFlexGenSays() {
    var cost = FlexGenCost.of(OPT_6_7B, ALL_GPU, FlexGenConstants.T4, Overlap.RELEASED);
    assertTerms(new Terms(0, 0, 0, 0, 0.020274), cost.prefill());
    assertTerms(new Terms(0, 0, 0, 0, 0.000406), cost.decode());
    assertEquals(1.0518001, cost.totalSeconds(), 5e-8);
    assertEquals(60.848064, cost.throughputTokensPerSecond(), 5e-6);
  }

  @Test
  void peakBytesAreFlexGens() {
    var headline = FlexGenPeaks.of(OPT_30B, HEADLINE);
    assertEquals(18.768750, headline.gpuPrefill() / GIB, 5e-7);
    assertEquals(12.870191, headline.gpuDecode() / GIB, 1e-6);
    assertEquals(140.831249, headline.cpuPrefill() / GIB, 2e-6);
    assertEquals(144.511538, headline.cpuDecode() / GIB, 2e-6);
    assertEquals(0, headline.disk());
    var allGpu = FlexGenPeaks.of(OPT_6_7B, ALL_GPU);
    assertEquals(12.671875, allGpu.gpuPrefill() / GIB, 5e-7);
    assertEquals(12.564732, allGpu.gpuDecode() / GIB, 5e-7);
    assertEquals(0, allGpu.cpuPrefill());
  }

  @Test
  void theLinearProgramFindsFlexGensSharesForTheHeadlineBlock() {
    var found = search(OPT_30B, 16, 208, 1500).at(48, 3).orElseThrow();
    assertEquals(0.148, found.policy().weights().gpu(), 5e-4);
    assertEquals(0.852, found.policy().weights().cpu(), 5e-4);
    assertEquals(1, found.policy().cache().cpu(), 1e-6);
    assertEquals(1, found.policy().hidden().cpu(), 1e-6);
    assertEquals(7.0598, found.cost().throughputTokensPerSecond(), 5e-5);
  }

  @Test
  void noPolicyDrawnAtRandomBeatsTheLinearProgramOfItsBlock() {
    long seed = new Random().nextLong();
    var random = new Random(seed);
    var best = search(OPT_30B, 16, 208, 1500).at(32, 4).orElseThrow();
    for (int i = 0; i < 20_000; i++) {
      var policy = new FlexGenPolicy(32, 4, any(random, 3), any(random, 3), any(random, 2), false);
      var peaks = FlexGenPeaks.of(OPT_30B, policy);
      if (Math.max(peaks.gpuPrefill(), peaks.gpuDecode()) <= 16 * GIB
          && Math.max(peaks.cpuPrefill(), peaks.cpuDecode()) <= 208 * GIB
          && peaks.disk() <= 1500 * GIB) {
        var cost = FlexGenCost.of(OPT_30B, policy, FlexGenConstants.T4, Overlap.RELEASED);
        assertTrue(
            cost.throughputTokensPerSecond()
                <= best.cost().throughputTokensPerSecond() * (1 + 1e-6),
            () -> policy + ", seed " + seed);
      }
    }
  }

  @Test
  void theSearchIsAtLeastAsGoodAsTheHeadlineBlockAndFitsTheMachine() {
    var search = search(OPT_30B, 16, 208, 1500);
    var best = search.best().orElseThrow();
    assertTrue(
        best.cost().throughputTokensPerSecond()
            >= search.at(48, 3).orElseThrow().cost().throughputTokensPerSecond() - 1e-9);
    var peaks = FlexGenPeaks.of(OPT_30B, best.policy());
    assertTrue(peaks.gpuPrefill() <= 16 * GIB * (1 + 1e-6), () -> best.toString());
    assertTrue(peaks.cpuDecode() <= 208 * GIB * (1 + 1e-6), () -> best.toString());
  }

  @Test
  void whatFitsNowhereHasNoPolicy() {
    assertTrue(search(OPT_30B, 1, 1, 1).best().isEmpty());
  }

  @Test
  void thePapersOverlapIsNeverSlowerThanTheReleasedCodes() {
    var released = FlexGenCost.of(OPT_30B, HEADLINE, FlexGenConstants.T4, Overlap.RELEASED);
    var paper = FlexGenCost.of(OPT_30B, HEADLINE, FlexGenConstants.T4, Overlap.PAPER);
    assertTrue(paper.totalSeconds() < released.totalSeconds());
  }

  @Test
  void constantsCanBeSetByFlexGensNamesAndNoOthers() {
    var faster = new FlexGenConstants(Map.of("mm_flops_p", 42.48e12));
    var cost = FlexGenCost.of(OPT_30B, HEADLINE, faster, Overlap.RELEASED);
    assertTrue(cost.prefill().comp() < 4.388967);
    assertEquals(0.147644, cost.prefill().ctog(), 5e-7);
    assertThrows(IllegalArgumentException.class, () -> new FlexGenConstants(Map.of("mm", 1.0)));
    assertThrows(
        IllegalArgumentException.class, () -> new FlexGenConstants(Map.of("ctog_bw", 0.0)));
  }

  private static FlexGenSearch search(FlexGenWork work, double gpu, double cpu, double disk) {
    return new FlexGenSearch(
        work,
        FlexGenConstants.T4,
        new FlexGenSearch.Capacities(gpu * GIB, cpu * GIB, disk * GIB),
        false,
        new GlopSolver());
  }

  private static Shares any(Random random, int devices) {
    double a = random.nextDouble();
    double b = devices == 2 ? 1 - a : random.nextDouble() * (1 - a);
    return new Shares(a, b, 1 - a - b);
  }

  private static void assertTerms(Terms expected, Terms actual) {
    double half = 5e-7;
    assertEquals(expected.ctog(), actual.ctog(), half);
    assertEquals(expected.gtoc(), actual.gtoc(), half);
    assertEquals(expected.dtoc(), actual.dtoc(), half);
    assertEquals(expected.ctod(), actual.ctod(), half);
    assertEquals(expected.comp(), actual.comp(), half);
  }
}
