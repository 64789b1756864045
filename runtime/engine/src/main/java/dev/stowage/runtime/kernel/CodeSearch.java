package dev.stowage.runtime.kernel;

/**
 * How the line through (code, number) of a group of {@link dev.stowage.plan.ElementType#INT4} is
 * sought, that is its min and scale. The search starts from lines whose ends are those of the
 * group's numbers, drawn in or out by halves of a step; fits each to the codes it gives by least
 * squares, and to the codes of that, and so on; and takes the line, of these and of the one whose
 * codes reach over all numbers, that costs least.
 */
public enum CodeSearch {
  /** For keys and values, which are stored at every step: two fits, least squared error. */
  QUICK(2, 2, 0),

  /**
   * For weights, which are stored once: more lines, fitted until little moves, and an error of
   * power 1.5. A few numbers far off the line then weigh less than many a little off, which are
   * what products add up.
   */
  THOROUGH(8, 4, -1);

  /** Lines at most, that of all numbers included. */
  public static final int MOST_LINES = 16;

  private final int fits;
  private final int ends;
  private final int firstDraw;

  CodeSearch(int fits, int ends, int firstDraw) {
    this.fits = fits;
    this.ends = ends;
    this.firstDraw = firstDraw;
  }

  /** How often a line is fitted to the codes it gives. */
  public int fits() {
    return fits;
  }

  /** Lines the search starts from; one of all ends is left out where there are too many. */
  public int starts() {
    return Math.min(ends * ends, MOST_LINES - 1);
  }

  /** Where a line starts: at the least number, moved up by halves of a step. */
  public float low(int start, float least, float most) {
    return least + drawn(start % ends, least, most);
  }

  /** Where a line ends: at the largest number, moved down by halves of a step. */
  public float high(int start, float least, float most) {
    return most - drawn(start / ends, least, most);
  }

  private float drawn(int end, float least, float most) {
    return 0.5f * (firstDraw + end) * (most - least) / 15;
  }

  /** What a number costs that is {@code off} its code. */
  public float cost(float off) {
    return this == QUICK ? off * off : Math.abs(off) * (float) Math.sqrt(Math.abs(off));
  }
}
