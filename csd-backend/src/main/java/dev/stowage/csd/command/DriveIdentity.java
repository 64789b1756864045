package dev.stowage.csd.command;

import static dev.stowage.csd.command.Wire.U32;
import static dev.stowage.csd.command.Wire.U64;

import dev.stowage.csd.flash.FlashGeometry;
import java.lang.foreign.MemorySegment;

/**
 * What a drive says of itself: 48 bytes, {@code u32} channels, dies, planes, blocks, pages of a
 * block, bytes of a page, {@code u64} bytes of flash for data, bytes of DRAM for token groups,
 * bytes of shared memory.
 */
public record DriveIdentity(
    FlashGeometry geometry, long flashBytes, long dramBytes, long sharedBytes) {
  public static final int BYTES = 48;

  public void encode(MemorySegment to, long at) {
    to.set(U32, at, geometry.channels());
    to.set(U32, at + 4, geometry.dies());
    to.set(U32, at + 8, geometry.planes());
    to.set(U32, at + 12, geometry.blocks());
    to.set(U32, at + 16, geometry.pagesPerBlock());
    to.set(U32, at + 20, geometry.pageBytes());
    to.set(U64, at + 24, flashBytes);
    to.set(U64, at + 32, dramBytes);
    to.set(U64, at + 40, sharedBytes);
  }

  public static DriveIdentity decode(MemorySegment from, long at) {
    var geometry =
        new FlashGeometry(
            from.get(U32, at),
            from.get(U32, at + 4),
            from.get(U32, at + 8),
            from.get(U32, at + 12),
            from.get(U32, at + 16),
            from.get(U32, at + 20));
    return new DriveIdentity(
        geometry, from.get(U64, at + 24), from.get(U64, at + 32), from.get(U64, at + 40));
  }
}
