package dev.stowage.dsl;

import java.math.BigDecimal;
import java.util.Optional;

/** A unit of the language: what is written, what kind of thing it measures, and how much of it. */
public enum Unit {
  PERCENT("%", Dimension.SHARE, "0.01"),
  B("B", Dimension.BYTES, "1"),
  KIB("KiB", Dimension.BYTES, "1024"),
  MIB("MiB", Dimension.BYTES, "1048576"),
  GIB("GiB", Dimension.BYTES, "1073741824"),
  TIB("TiB", Dimension.BYTES, "1099511627776"),
  KB("KB", Dimension.BYTES, "1000"),
  MB("MB", Dimension.BYTES, "1000000"),
  GB("GB", Dimension.BYTES, "1000000000"),
  TB("TB", Dimension.BYTES, "1000000000000"),
  B_PER_S("B/s", Dimension.BANDWIDTH, "1"),
  KIB_PER_S("KiB/s", Dimension.BANDWIDTH, "1024"),
  MIB_PER_S("MiB/s", Dimension.BANDWIDTH, "1048576"),
  GIB_PER_S("GiB/s", Dimension.BANDWIDTH, "1073741824"),
  TIB_PER_S("TiB/s", Dimension.BANDWIDTH, "1099511627776"),
  KB_PER_S("KB/s", Dimension.BANDWIDTH, "1000"),
  MB_PER_S("MB/s", Dimension.BANDWIDTH, "1000000"),
  GB_PER_S("GB/s", Dimension.BANDWIDTH, "1000000000"),
  TB_PER_S("TB/s", Dimension.BANDWIDTH, "1000000000000"),
  MFLOPS("MFLOPS", Dimension.COMPUTE, "1000000"),
  GFLOPS("GFLOPS", Dimension.COMPUTE, "1000000000"),
  TFLOPS("TFLOPS", Dimension.COMPUTE, "1000000000000"),
  NS("ns", Dimension.TIME, "0.000000001"),
  US("us", Dimension.TIME, "0.000001"),
  MS("ms", Dimension.TIME, "0.001"),
  S("s", Dimension.TIME, "1"),
  MIN("min", Dimension.TIME, "60"),
  H("h", Dimension.TIME, "3600"),
  TOK("tok", Dimension.TOKENS, "1"),
  TOK_PER_S("tok/s", Dimension.TOKEN_RATE, "1"),
  LAYER("layer", Dimension.LAYERS, "1"),
  LAYERS("layers", Dimension.LAYERS, "1");

  /** What a quantity measures, and the unit that its value is counted in once the unit is gone. */
  public enum Dimension {
    /** A plain number. */
    COUNT("a plain number"),
    /** Part of a whole, from 0 to 1. */
    SHARE("a share in %"),
    /** Bytes. */
    BYTES("an amount of memory such as GiB"),
    /** Bytes a second. */
    BANDWIDTH("a rate such as GB/s"),
    /** Floating-point operations a second. */
    COMPUTE("a compute rate such as TFLOPS"),
    /** Seconds. */
    TIME("a time such as ms or s"),
    /** Tokens. */
    TOKENS("a number of tokens in tok"),
    /** Tokens a second. */
    TOKEN_RATE("a rate in tok/s"),
    /** Layers of a model. */
    LAYERS("a number of layers");

    private final String words;

    Dimension(String words) {
      this.words = words;
    }

    /** For messages. */
    public String words() {
      return words;
    }
  }

  private final String symbol;
  private final Dimension dimension;
  private final BigDecimal factor;

  Unit(String symbol, Dimension dimension, String factor) {
    this.symbol = symbol;
    this.dimension = dimension;
    this.factor = new BigDecimal(factor);
  }

  /** The unit written so; empty for no unit or an unknown one. */
  public static Optional<Unit> of(String symbol) {
    for (Unit unit : values()) {
      if (unit.symbol.equals(symbol)) {
        return Optional.of(unit);
      }
    }
    return Optional.empty();
  }

  public String symbol() {
    return symbol;
  }

  public Dimension dimension() {
    return dimension;
  }

  /** How many base units (see {@link Dimension}) one of these is; exact. */
  public BigDecimal factor() {
    return factor;
  }
}
