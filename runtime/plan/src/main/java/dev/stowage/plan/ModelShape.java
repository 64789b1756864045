package dev.stowage.plan;

import java.util.Objects;
import java.util.Optional;

/**
 * What a decoder-only transformer computes, without its numbers.
 *
 * @param layers number of transformer layers
 * @param hidden width of the residual stream
 * @param embedding width of the token embedding; differs from {@code hidden} only where OPT
 *     projects in and out
 * @param ffn inner width of the feed-forward block
 * @param heads query heads
 * @param kvHeads key and value heads; divides {@code heads} (grouped-query attention, GQA)
 * @param headDim width of one head; even where positions are rotary
 * @param vocabulary rows of the token embedding
 * @param maxPositions longest sequence the model knows positions for
 * @param normEpsilon added to the variance (layer norm) or mean square (RMS norm)
 * @param ropeTheta base of the rotary frequencies; ignored by OPT
 * @param ropePairs which numbers of a head are rotated together; ignored by OPT
 * @param qkvBias biases on the query, key and value projections
 * @param outputBias a bias on attention's output projection (Qwen2 has none, though q, k and v
 *     have)
 * @param mlpBias biases in the feed-forward block
 * @param tiedHead whether the head uses the token embedding's rows
 * @param slidingWindow keys a query sees at most, itself included; empty for all
 * @param stored how matrices are stored
 */
public record ModelShape(
    Family family,
    int layers,
    int hidden,
    int embedding,
    int ffn,
    int heads,
    int kvHeads,
    int headDim,
    int vocabulary,
    int maxPositions,
    double normEpsilon,
    double ropeTheta,
    RopeScaling ropeScaling,
    RopePairs ropePairs,
    boolean qkvBias,
    boolean outputBias,
    boolean mlpBias,
    boolean tiedHead,
    Optional<Integer> slidingWindow,
    StoredTypes stored) {
  /** Bounds that keep every byte count of a shape, and of shares of it, within a {@code long}. */
  private static final int LIMIT = 1 << 22;

  private static final int MOST_LAYERS = 1 << 12;
  private static final int MOST_POSITIONS = 1 << 24;

  public ModelShape {
    Objects.requireNonNull(family);
    Objects.requireNonNull(ropeScaling);
    Objects.requireNonNull(slidingWindow);
    Objects.requireNonNull(ropePairs);
    Objects.requireNonNull(stored);
    int[] sizes = {layers, hidden, embedding, ffn, heads, kvHeads, headDim, vocabulary};
    for (int size : sizes) {
      if (size < 1 || size > LIMIT) {
        throw new IllegalArgumentException("a model size of " + size + " is outside 1.." + LIMIT);
      }
    }
    if (maxPositions < 1 || maxPositions > MOST_POSITIONS) {
      throw new IllegalArgumentException(
          "%d positions are outside 1..%d".formatted(maxPositions, MOST_POSITIONS));
    }
    if (heads % kvHeads != 0) {
      throw new IllegalArgumentException(
          "%d query heads cannot share %d key/value heads".formatted(heads, kvHeads));
    }
    if (!family.isOpt() && headDim % 2 != 0) {
      throw new IllegalArgumentException(
          "rotary positions need an even head width, not " + headDim);
    }
    if ((long) heads * headDim > LIMIT) {
      throw new IllegalArgumentException(
          "%d heads of width %d are wider than %d".formatted(heads, headDim, LIMIT));
    }
    if (layers > MOST_LAYERS) {
      throw new IllegalArgumentException(
          "%d layers are more than %d".formatted(layers, MOST_LAYERS));
    }
    if (!family.isOpt() && embedding != hidden) {
      throw new IllegalArgumentException(
          "only OPT projects its embedding, of %d to %d".formatted(embedding, hidden));
    }
    for (var other : stored.others()) {
      int most = other.weight().perLayer() ? layers : 1;
      if (other.layers().to() > most) {
        throw new IllegalArgumentException(
            "layers %s of %s are stored otherwise, but there are %d"
                .formatted(other.layers(), other.weight().word(), most));
      }
    }
  }

  /** A shape with all matrices stored as one type, whose rotary pairs are halves of a head. */
  public ModelShape(
      Family family,
      int layers,
      int hidden,
      int embedding,
      int ffn,
      int heads,
      int kvHeads,
      int headDim,
      int vocabulary,
      int maxPositions,
      double normEpsilon,
      double ropeTheta,
      RopeScaling ropeScaling,
      boolean qkvBias,
      boolean outputBias,
      boolean mlpBias,
      boolean tiedHead,
      Optional<Integer> slidingWindow,
      ElementType weightType) {
    this(
        family,
        layers,
        hidden,
        embedding,
        ffn,
        heads,
        kvHeads,
        headDim,
        vocabulary,
        maxPositions,
        normEpsilon,
        ropeTheta,
        ropeScaling,
        RopePairs.HALVES,
        qkvBias,
        outputBias,
        mlpBias,
        tiedHead,
        slidingWindow,
        StoredTypes.all(weightType));
  }

  /** What most bytes of the matrices are stored as. */
  public ElementType weightType() {
    return stored.common();
  }

  /**
   * How a matrix is stored.
   *
   * @param layer ignored for a matrix that belongs to no layer
   */
  public ElementType type(Weight weight, int layer) {
    return stored.of(weight, weight.perLayer() ? layer : 0);
  }

  /** Width of all query heads together. */
  public int queryWidth() {
    return heads * headDim;
  }

  /** Width of all key (or value) heads together. */
  public int kvWidth() {
    return kvHeads * headDim;
  }

  /** Whether queries and keys are normalised per head (Qwen3). */
  public boolean headNorm() {
    return family == Family.QWEN3;
  }

  /** Whether the model projects its embedding in and out (OPT-350m's trait). */
  public boolean projects() {
    return embedding != hidden;
  }

  /** Rows (output width) of a weight matrix; 0 where the model has no such matrix. */
  public int rows(Weight weight) {
    return switch (weight) {
      case TOKENS -> vocabulary;
      case POSITIONS -> family.isOpt() ? maxPositions + 2 : 0;
      case PROJECT_IN -> projects() ? hidden : 0;
      case Q -> queryWidth();
      case K, V -> kvWidth();
      case O -> hidden;
      case GATE -> family.isOpt() ? 0 : ffn;
      case UP -> ffn;
      case DOWN -> hidden;
      case PROJECT_OUT -> projects() ? embedding : 0;
      case HEAD -> tiedHead ? 0 : vocabulary;
    };
  }

  /** Columns (input width) of a weight matrix. */
  public int columns(Weight weight) {
    return switch (weight) {
      case TOKENS, HEAD -> embedding;
      case POSITIONS, Q, K, V, GATE, UP, PROJECT_OUT -> hidden;
      case PROJECT_IN -> embedding;
      case O -> queryWidth();
      case DOWN -> ffn;
    };
  }

  /** Bytes of one row of a layer's weight matrix as the model's files store it. */
  public long rowBytes(Weight weight, int layer) {
    return rowBytes(weight, type(weight, layer));
  }

  /** Bytes of one row of a weight matrix stored otherwise. */
  public long rowBytes(Weight weight, ElementType type) {
    return type.rowBytes(columns(weight));
  }

  /** Bytes of a weight matrix of a layer as stored. */
  public long bytes(Weight weight, int layer) {
    return rows(weight) * rowBytes(weight, layer);
  }

  /** Bytes of a weight matrix in all layers as stored. */
  public long bytesInAllLayers(Weight weight) {
    long sum = 0;
    for (int layer = 0; layer < (weight.perLayer() ? layers : 1); layer++) {
      sum += bytes(weight, layer);
    }
    return sum;
  }

  /** Bytes of all matrices of the model as stored. */
  public long matrixBytes() {
    long sum = 0;
    for (var weight : Weight.values()) {
      sum += bytesInAllLayers(weight);
    }
    return sum;
  }

  /**
   * Bytes of all one-dimensional weights (norms and biases), which are widened to F32 and always
   * lie where the compute is.
   */
  public long vectorBytes() {
    return vectorBytes(layers);
  }

  /** The same of some of the layers; what belongs to no layer is counted with any. */
  public long vectorBytes(int layers) {
    long norm = family.isOpt() ? 2L * hidden : hidden;
    long perLayer = 2 * norm;
    if (qkvBias) {
      perLayer += queryWidth() + 2L * kvWidth();
    }
    if (outputBias) {
      perLayer += hidden;
    }
    if (mlpBias) {
      perLayer += (family.isOpt() ? 1L : 2L) * ffn + hidden;
    }
    if (headNorm()) {
      perLayer += 2L * headDim;
    }
    long factors = ropeScaling instanceof RopeScaling.Factors ? headDim / 2 : 0;
    return 4 * (perLayer * layers + norm + factors);
  }

  /** Bytes that one token of one sequence adds to the KV cache, over all layers. */
  public long kvBytesPerToken(ElementType kvType) {
    return 2L * layers * kvHeads * kvType.rowBytes(headDim);
  }
}
