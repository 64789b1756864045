package dev.stowage.plan;

/** Where a rate comes from; shown wherever a number that rests on it is shown. */
public enum Origin {
  SPEC,
  MEASURED,
  FITTED,
  ASSUMED;

  public String word() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }
}
