package dev.stowage.plan.text;

import java.util.ArrayList;
import java.util.List;

/** Rows in columns that line up. */
public final class Table {
  private final String[] heads;
  private final List<String[]> rows = new ArrayList<>();

  /**
   * @param heads column titles; one that ends with {@code >} is of numbers, set to the right
   */
  public Table(String... heads) {
    this.heads = heads;
  }

  public Table row(String... cells) {
    if (cells.length != heads.length) {
      throw new IllegalArgumentException(cells.length + " cells in " + heads.length + " columns");
    }
    rows.add(cells);
    return this;
  }

  /** The table, every line indented by two spaces. */
  public String text() {
    var titles = new String[heads.length];
    var widths = new int[heads.length];
    for (int c = 0; c < heads.length; c++) {
      titles[c] = heads[c].endsWith(">") ? heads[c].substring(0, heads[c].length() - 1) : heads[c];
      widths[c] = titles[c].length();
      for (var row : rows) {
        widths[c] = Math.max(widths[c], row[c].length());
      }
    }
    var text = new StringBuilder();
    line(text, titles, widths);
    rows.forEach(row -> line(text, row, widths));
    return text.toString();
  }

  private void line(StringBuilder text, String[] cells, int[] widths) {
    var line = new StringBuilder();
    for (int c = 0; c < cells.length; c++) {
      String space = " ".repeat(widths[c] - cells[c].length());
      line.append("  ").append(heads[c].endsWith(">") ? space + cells[c] : cells[c] + space);
    }
    text.append(line.toString().stripTrailing()).append('\n');
  }
}
