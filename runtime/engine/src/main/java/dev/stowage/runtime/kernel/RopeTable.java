package dev.stowage.runtime.kernel;

import dev.stowage.plan.RopePairs;
import dev.stowage.plan.RopeScaling;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;

/**
 * Cosines and sines of the rotary position embedding, for every position a run can reach: {@code
 * angle[p, i] = p * frequency[i]} with {@code frequency[i] = theta^(-2 i / dimension)}, the
 * frequency then changed by the {@link RopeScaling}.
 *
 * <p>Source: Su et al. 2021, section 3.2.2; scalings as in Hugging Face Transformers, {@code
 * modeling_rope_utils.py}. Angles are computed in double, tables are F32.
 */
public final class RopeTable {

  private final int positions;
  private final int dimension;
  private final RopePairs pairs;
  private final MemorySegment cosines; // [positions, dimension / 2] F32
  private final MemorySegment sines; // [positions, dimension / 2] F32

  private RopeTable(
      int positions, int dimension, RopePairs pairs, MemorySegment cosines, MemorySegment sines) {
    this.positions = positions;
    this.dimension = dimension;
    this.pairs = pairs;
    this.cosines = cosines;
    this.sines = sines;
  }

  /**
   * Computes the table, in memory of the allocator's: {@link #bytes} of it, in two aligned halves.
   *
   * @param positions how many positions, from 0
   * @param dimension how many elements of a head are rotated; even
   * @param theta the base of the frequencies, {@code rope_theta}
   */
  public static RopeTable create(
      SegmentAllocator memory, int positions, int dimension, double theta, RopeScaling scaling) {
    return create(
        memory, positions, dimension, theta, scaling, RopePairs.HALVES, MemorySegment.NULL);
  }

  /**
   * Computes the table of a model that says which numbers pair up.
   *
   * @param factors [dimension / 2] F32, where the scaling is {@link RopeScaling.Factors}
   */
  public static RopeTable create(
      SegmentAllocator memory,
      int positions,
      int dimension,
      double theta,
      RopeScaling scaling,
      RopePairs pairs,
      MemorySegment factors) {
    if (positions < 1 || dimension < 2 || dimension % 2 != 0) {
      throw new IllegalArgumentException(
          "rope table of " + positions + " positions and dimension " + dimension);
    }
    if (!(theta > 0) || Double.isInfinite(theta)) {
      throw new IllegalArgumentException("rope theta must be positive, not " + theta);
    }
    int half = dimension / 2;
    double[] frequencies = new double[half];
    for (int i = 0; i < half; i++) {
      frequencies[i] = scaled(Math.pow(theta, -2.0 * i / dimension), scaling, factors, i);
    }
    var cosines = memory.allocate(bytes(positions, dimension) / 2, 64);
    var sines = memory.allocate(bytes(positions, dimension) / 2, 64);
    for (int p = 0; p < positions; p++) {
      for (int i = 0; i < half; i++) {
        long offset = ((long) p * half + i) * Float.BYTES;
        cosines.set(Elements.F32, offset, (float) Math.cos(p * frequencies[i]));
        sines.set(Elements.F32, offset, (float) Math.sin(p * frequencies[i]));
      }
    }
    return new RopeTable(positions, dimension, pairs, cosines.asReadOnly(), sines.asReadOnly());
  }

  /** This table, whose numbers have been copied elsewhere. */
  public RopeTable at(MemorySegment cosines, MemorySegment sines) {
    return new RopeTable(positions, dimension, pairs, cosines, sines);
  }

  /** Bytes a table of this size takes. */
  public static long bytes(int positions, int dimension) {
    return (long) positions * dimension * Float.BYTES;
  }

  private static double scaled(
      double frequency, RopeScaling scaling, MemorySegment factors, int i) {
    return switch (scaling) {
      case RopeScaling.None() -> frequency;
      case RopeScaling.Linear(double factor) -> frequency / factor;
      case RopeScaling.Factors() ->
          frequency / factors.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
      case RopeScaling.Llama3(double factor, double low, double high, int original) -> {
        double wavelength = 2 * Math.PI / frequency;
        if (wavelength < original / high) {
          yield frequency;
        }
        if (wavelength > original / low) {
          yield frequency / factor;
        }
        double smooth = (original / wavelength - low) / (high - low);
        yield (1 - smooth) * frequency / factor + smooth * frequency;
      }
    };
  }

  /** How many positions the table holds. */
  public int positions() {
    return positions;
  }

  /** How many elements of a head are rotated. */
  public int dimension() {
    return dimension;
  }

  /** Which numbers of a head are rotated together. */
  public RopePairs pairs() {
    return pairs;
  }

  /** Cosines, [positions, dimension / 2] F32, read only. */
  public MemorySegment cosines() {
    return cosines;
  }

  /** Sines, [positions, dimension / 2] F32, read only. */
  public MemorySegment sines() {
    return sines;
  }
}
