package dev.stowage.plan.verify;

/** The model knows a position for every token: {@code prompt + generate <= maxPositions}. */
final class WithinPositions implements Invariant {
  @Override
  public void check(PlanIndex index, Findings findings) {
    var batch = index.plan.batch();
    int most = index.plan.shape().maxPositions();
    if (batch.promptTokens() + batch.generateTokens() > most) {
      findings.add(
          "batch",
          "prompt %d + generate %d tokens are more than the model's %d positions",
          batch.promptTokens(),
          batch.generateTokens(),
          most);
    }
  }
}
