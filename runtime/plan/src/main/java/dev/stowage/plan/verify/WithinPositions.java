package dev.stowage.plan.verify;

/**
 * The model knows a position for every token that is fed to it: {@code prompt + generate - 1 <=
 * maxPositions}, for the last generated token is not.
 */
final class WithinPositions implements Invariant {
  @Override
  public void check(PlanIndex index, Findings findings) {
    var batch = index.plan.batch();
    int most = index.plan.shape().maxPositions();
    if (batch.tokens() > most) {
      findings.add(
          "batch",
          "prompt %d and generate %d feed %d tokens, more than the model's %d positions",
          batch.promptTokens(),
          batch.generateTokens(),
          batch.tokens(),
          most);
    }
  }
}
