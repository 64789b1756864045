package dev.stowage.runtime.device;

import dev.stowage.plan.KvPages;
import dev.stowage.plan.KvRegion;

/**
 * What a store holds of a region that is never there whole: pages of every layer and slot, never
 * more than the plan has room for.
 */
public final class HeldPages {
  private final KvRegion region;
  private final KvPages pages;
  private final int[] stored; // tokens of every slot and layer
  private long bytes;

  public HeldPages(KvRegion region, KvPages pages) {
    this.region = region;
    this.pages = pages;
    stored = new int[Math.multiplyExact(region.sequences().size(), region.layers().size())];
  }

  /**
   * A layer of a slot has so many of the region's tokens stored from now on.
   *
   * @throws IllegalStateException if the region has no room for them: what admits sequences has let
   *     in too many
   */
  public void store(int layer, int slot, int tokens) {
    int index = first(slot) + layer - region.layers().from();
    long after = bytes + pages.layerBytes(tokens) - pages.layerBytes(stored[index]);
    if (after > pages.capacityBytes()) {
      throw new IllegalStateException(
          "KV region %s would hold %d bytes of %d"
              .formatted(region.name(), after, pages.capacityBytes()));
    }
    stored[index] = tokens;
    bytes = after;
  }

  /** A slot has nothing stored from now on; returns whether it had. */
  public boolean clear(int slot) {
    boolean any = false;
    int first = first(slot);
    for (int index = first; index < first + region.layers().size(); index++) {
      any |= stored[index] > 0;
      bytes -= pages.layerBytes(stored[index]);
      stored[index] = 0;
    }
    return any;
  }

  /** Bytes held now. */
  public long bytes() {
    return bytes;
  }

  private int first(int slot) {
    return (slot - region.sequences().from()) * region.layers().size();
  }
}
