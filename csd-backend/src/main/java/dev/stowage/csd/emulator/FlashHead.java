package dev.stowage.csd.emulator;

import dev.stowage.csd.ftl.KvFlash;
import dev.stowage.runtime.sparse.StoredHead;
import java.util.Arrays;

/**
 * A head on flash, read page by page: a page is read once for whatever is wanted of it, and a page
 * of which nothing is wanted is not read (InstAttention's filters: the page before, the entry
 * after). Keys that do not lie by channel yet are read by token, once for choosing and attending.
 */
final class FlashHead implements StoredHead {
  private final KvFlash flash;
  private final int width;
  private final int pageNumbers;
  private final float[] columns; // a page of channels
  private final float[] open; // keys that do not lie by channel: [tokens of a column, headDim]
  private final float[][] groups; // a group of keys, and of values
  private final boolean[][] loaded; // by page of the group
  private final int[] group = new int[2];
  private int slot;
  private int layer;
  private int head;
  private int columned;
  private int openTo;
  private int columnsOf;
  private int columnsPage;
  private long pagesRead;

  FlashHead(KvFlash flash) {
    this.flash = flash;
    width = flash.shape().headDim();
    pageNumbers = flash.pageNumbers();
    columns = new float[flash.channelsOfPage() * flash.columnTokens()];
    open = new float[Math.multiplyExact(flash.columnTokens(), width)];
    groups = new float[2][Math.multiplyExact(flash.groups().tokens(), width)];
    loaded = new boolean[2][flash.groups().pages()];
  }

  void begin(int newSlot, int newLayer, int newHead) {
    slot = newSlot;
    layer = newLayer;
    head = newHead;
    columned = flash.columned(slot, layer);
    openTo = columned;
    columnsOf = -1;
    Arrays.fill(group, -1);
    pagesRead = 0;
  }

  /** Flash pages read since the head began. */
  long pagesRead() {
    return pagesRead;
  }

  @Override
  public int run(int from) {
    return flash.columnTokens() - from % flash.columnTokens();
  }

  @Override
  public void channel(int channel, int from, int to, float[] into) {
    if (from >= columned) {
      loadOpen(to);
      for (int t = from; t < to; t++) {
        into[t - from] = open[(t - columned) * width + channel];
      }
      return;
    }
    int of = from / flash.columnTokens();
    int page = channel / flash.channelsOfPage();
    if (of != columnsOf || page != columnsPage) {
      flash.loadColumns(slot, layer, head, of, page, columns);
      pagesRead++;
      columnsOf = of;
      columnsPage = page;
    }
    int first =
        channel % flash.channelsOfPage() * flash.columnTokens() + from % flash.columnTokens();
    System.arraycopy(columns, first, into, 0, to - from);
  }

  private void loadOpen(int to) {
    for (; openTo < to; openTo++) {
      row(0, openTo, open, (openTo - columned) * width);
    }
  }

  @Override
  public void key(int token, float[] into) {
    if (token >= columned && token < openTo) {
      System.arraycopy(open, (token - columned) * width, into, 0, width);
    } else {
      row(0, token, into, 0);
    }
  }

  @Override
  public void value(int token, float[] into) {
    row(1, token, into, 0);
  }

  @Override
  public void valueSum(float[] into) {
    flash.valueSum(slot, layer, head, into);
  }

  private void row(int kind, int token, float[] into, int at) {
    int g = token / flash.groups().tokens();
    int row = token % flash.groups().tokens();
    if (flash.inDram(slot, layer, token)) {
      flash.load(slot, layer, head, kind, g, row, row + 1, groups[kind]);
      group[kind] = -1;
    } else {
      if (g != group[kind]) {
        group[kind] = g;
        Arrays.fill(loaded[kind], false);
      }
      int last = ((row + 1) * width - 1) / pageNumbers;
      for (int page = row * width / pageNumbers; page <= last; page++) {
        if (!loaded[kind][page]) {
          flash.loadPage(slot, layer, head, kind, g, page, groups[kind]);
          loaded[kind][page] = true;
          pagesRead++;
        }
      }
    }
    System.arraycopy(groups[kind], row * width, into, at, width);
  }
}
