package dev.stowage.gpu;

import dev.stowage.plan.ElementType;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.CUfunction;

/**
 * Linear layers of one type on tensor cores ({@code products.cuh}): which of its kernels takes a
 * product. All of them sum in the same order, so that the choice changes no bit.
 */
final class TensorProduct {
  private static final int THREADS = 256;
  private static final int SLIM_COLUMNS = 32; // of a block, as in products.cuh
  private static final int TILE_COLUMNS = 128;
  private static final int TILE_ROWS = 64;
  private static final int CHUNK_BYTES = 128; // 64 numbers of a row, as a tensor core takes them
  private static final int TILES = 2; // in turn

  private final CUfunction eight;
  private final CUfunction thirtyTwo;
  private final CUfunction tiled; // null where a block has too little shared memory
  private final int tiledBytes;

  /**
   * Whether there are such kernels for a type on a GPU. Those of BF16 take code for compute
   * capability 8.0, which a GPU newer than our binaries does not have: it compiles that for 7.5.
   */
  static boolean takes(ElementType type, Cuda cuda) {
    return switch (type) {
      case F16, INT8, INT4, Q8_0, Q4_0 -> true;
      case BF16 -> cuda.compiledFor(cuda.function("product_bf16_8")) >= 80;
      case F32, Q4_K, Q6_K -> false;
    };
  }

  TensorProduct(ElementType type, Cuda cuda) {
    String name = "product_" + type.word();
    eight = cuda.function(name + "_8");
    thirtyTwo = cuda.function(name + "_32");
    tiledBytes = tiledBytes(type == ElementType.BF16 ? 3 : 2);
    int room =
        cuda.attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
    tiled = tiledBytes <= room ? cuda.function(name + "_tiled", tiledBytes) : null;
  }

  /** Two tiles: numbers of columns and of rows' parts, and a few floats for each. */
  private static int tiledBytes(int parts) {
    int numbers = TILE_COLUMNS * CHUNK_BYTES + parts * TILE_ROWS * CHUNK_BYTES;
    int floats = 3 * TILE_COLUMNS + 2 * TILE_ROWS;
    return TILES * (numbers + floats * Float.BYTES);
  }

  /** Starts the product whose arguments the launcher has. */
  void launch(Launcher launcher, int rows, int columns) {
    if (rows > 32 && tiled != null) {
      launcher.blocks(
          tiled, blocks(rows, TILE_ROWS), blocks(columns, TILE_COLUMNS), THREADS, tiledBytes);
    } else {
      int together = rows <= 8 ? 8 : 32;
      launcher.blocks(
          rows <= 8 ? eight : thirtyTwo,
          blocks(columns, SLIM_COLUMNS),
          blocks(rows, together),
          THREADS);
    }
  }

  private static int blocks(int units, int together) {
    return (units + together - 1) / together;
  }
}
