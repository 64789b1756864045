// Linear layers on tensor cores, as accurate as in F32: the F32 operand x is cut into parts that a tensor
// core takes, hi + lo of 11 bits each for F16, three parts of 8 bits for BF16, and the products of all
// parts are summed in F32. A weight's code is an F16 number without rounding; scales and minima are F32
// factors of a group's sum.
//
// One order of summation per element, whatever the rows and columns of a call: numbers are summed by
// chunks of 64, chunks by the PIECES pieces of k, pieces in their order. A chunk of a row of x is scaled by a
// power of two, so that F16's range does not matter.
//
// p x, w, bias or 0, out; n xStride, outStride, rows, k, columns, rowBytes
#pragma once

#include "mma.cuh"

#define PIECES 8
#define CHUNK 64
#define PRODUCT_THREADS 256
// Of a block of the tiled kernel; a warp takes 32 x 32.
#define TILE_COLUMNS 128
#define TILE_ROWS 64

// Sixteen numbers of a chunk as they lie in memory: i .. i + 7 and i + 32 .. i + 39, i = 8t.
struct Raw {
  uint32_t w[8];
};

// Types of two bytes are taken as they are.
struct Tile16 {
  static const int GROUPS = 0;  // scales of a chunk
  static const bool MINIMA = false;
  static __device__ __forceinline__ void load(Bytes row, int k, int chunk, int t, Raw& raw) {
#pragma unroll
    for (int panel = 0; panel < 2; panel++) {
      int i = CHUNK * chunk + 32 * panel + 8 * t;
      Bytes p = row + 2LL * i;
      if (i + 8 <= k && ((uintptr_t)p & 15) == 0) {
        uint4 v = *(const uint4*)p;
        raw.w[4 * panel] = v.x; raw.w[4 * panel + 1] = v.y; raw.w[4 * panel + 2] = v.z; raw.w[4 * panel + 3] = v.w;
      } else {
#pragma unroll
        for (int j = 0; j < 4; j++) {
          uint32_t low = i + 2 * j < k ? load16(p + 4 * j) : 0;
          uint32_t high = i + 2 * j + 1 < k ? load16(p + 4 * j + 2) : 0;
          raw.w[4 * panel + j] = low | high << 16;
        }
      }
    }
  }
  static __device__ __forceinline__ void unpack(const Raw& raw, bool whole, int panel, uint32_t* to) {
#pragma unroll
    for (int j = 0; j < 4; j++) to[j] = raw.w[4 * panel + j];
  }
  static __device__ __forceinline__ float scale(Bytes row, int chunk, int panel) { return 1; }
  static __device__ __forceinline__ float minimum(Bytes row, int chunk) { return 0; }
};

struct TileF16 : Tile16 {
  static const int PARTS = 2;
  static __device__ __forceinline__ void mma(float* c, const uint32_t* a, const uint32_t* b) { mmaF16(c, a, b); }
  static __device__ __forceinline__ uint32_t part(float& x) {
    uint32_t bits = floatToHalf(x);
    float taken = halfToFloat(bits);
    x = taken - taken == 0 ? x - taken : 0;  // what is infinite or none stays so in one part
    return bits;
  }
};

struct TileBF16 : Tile16 {
  static const int PARTS = 3;
  static __device__ __forceinline__ void mma(float* c, const uint32_t* a, const uint32_t* b) { mmaBf16(c, a, b); }
  static __device__ __forceinline__ uint32_t part(float& x) {
    uint32_t bits = floatToBf16(x);
    float taken = bitsToFloat(bits << 16);
    x = taken - taken == 0 ? x - taken : 0;
    return bits;
  }
};

// Types with codes: sixteen codes are four words of bytes, or two words of nibbles.
template <uint32_t BIAS>
struct TileCodes {
  static const int PARTS = 2;
  static __device__ __forceinline__ void mma(float* c, const uint32_t* a, const uint32_t* b) { mmaF16(c, a, b); }
  static __device__ __forceinline__ uint32_t part(float& x) { return TileF16::part(x); }
  static __device__ __forceinline__ void halves(uint32_t first, uint32_t second, uint32_t* to) {
    to[0] = codesToHalves(first, 0, BIAS);
    to[1] = codesToHalves(first, 1, BIAS);
    to[2] = codesToHalves(second, 0, BIAS);
    to[3] = codesToHalves(second, 1, BIAS);
  }
};

struct TileINT8 : TileCodes<0x64006400u> {
  static const int GROUPS = 1;
  static const bool MINIMA = true;
  static __device__ __forceinline__ void load(Bytes row, int k, int chunk, int t, Raw& raw) {
    Bytes codes = row + 68LL * chunk + 4;
    int n = k - CHUNK * chunk;
#pragma unroll
    for (int j = 0; j < 4; j++) {
      int i = j / 2 * 32 + 8 * t + j % 2 * 4;
      raw.w[j] = 0;
      if (i + 4 <= n) {
        raw.w[j] = load32(codes + i);
      } else {
        for (int b = 0; i + b < n; b++) raw.w[j] |= (uint32_t)codes[i + b] << 8 * b;
      }
    }
  }
  static __device__ __forceinline__ void unpack(const Raw& raw, bool whole, int panel, uint32_t* to) {
    halves(raw.w[2 * panel], raw.w[2 * panel + 1], to);
  }
  static __device__ __forceinline__ float scale(Bytes row, int chunk, int panel) {
    return halfToFloat(load16(row + 68LL * chunk));
  }
  static __device__ __forceinline__ float minimum(Bytes row, int chunk) {
    return halfToFloat(load16(row + 68LL * chunk + 2));
  }
};

struct TileINT4 : TileCodes<0x64006400u> {
  static const int GROUPS = 1;
  static const bool MINIMA = true;
  static __device__ __forceinline__ void load(Bytes row, int k, int chunk, int t, Raw& raw) {
    Bytes codes = row + 36LL * chunk + 4;
    int n = k - CHUNK * chunk;
    if (n >= CHUNK) {
      raw.w[0] = load32(codes + 8 * t);
      raw.w[1] = load32(codes + 8 * t + 4);
      return;
    }
    int half = (n + 1) / 2;  // codes of a short group are halved elsewhere
#pragma unroll
    for (int j = 0; j < 4; j++) {
      raw.w[j] = 0;
      for (int b = 0; b < 4; b++) {
        int i = j / 2 * 32 + 8 * t + j % 2 * 4 + b;
        if (i < n) raw.w[j] |= (uint32_t)(i < half ? codes[i] & 15 : codes[i - half] >> 4) << 8 * b;
      }
    }
  }
  static __device__ __forceinline__ void unpack(const Raw& raw, bool whole, int panel, uint32_t* to) {
    if (whole) {
      halves(raw.w[0] >> 4 * panel & 0x0f0f0f0fu, raw.w[1] >> 4 * panel & 0x0f0f0f0fu, to);
    } else {
      halves(raw.w[2 * panel], raw.w[2 * panel + 1], to);
    }
  }
  static __device__ __forceinline__ float scale(Bytes row, int chunk, int panel) {
    return halfToFloat(load16(row + 36LL * chunk));
  }
  static __device__ __forceinline__ float minimum(Bytes row, int chunk) {
    return halfToFloat(load16(row + 36LL * chunk + 2));
  }
};

// Rows of whole blocks of 32: the second half of the last chunk may be missing, and is zero then.
struct TileQ8_0 : TileCodes<0x64806480u> {
  static const int GROUPS = 2;
  static const bool MINIMA = false;
  static __device__ __forceinline__ void load(Bytes row, int k, int chunk, int t, Raw& raw) {
#pragma unroll
    for (int panel = 0; panel < 2; panel++) {
      Bytes codes = row + 34LL * (2 * chunk + panel) + 2 + 8 * t;
      bool there = CHUNK * chunk + 32 * panel < k;
      raw.w[2 * panel] = there ? load32(codes) : 0;
      raw.w[2 * panel + 1] = there ? load32(codes + 4) : 0;
    }
  }
  static __device__ __forceinline__ void unpack(const Raw& raw, bool whole, int panel, uint32_t* to) {
    halves(raw.w[2 * panel] ^ 0x80808080u, raw.w[2 * panel + 1] ^ 0x80808080u, to);
  }
  static __device__ __forceinline__ float scale(Bytes row, int chunk, int panel) {
    return halfToFloat(load16(row + 34LL * (2 * chunk + panel)));
  }
  static __device__ __forceinline__ float minimum(Bytes row, int chunk) { return 0; }
};

struct TileQ4_0 : TileCodes<0x64086408u> {
  static const int GROUPS = 2;
  static const bool MINIMA = false;
  static __device__ __forceinline__ void load(Bytes row, int k, int chunk, int t, Raw& raw) {
#pragma unroll
    for (int panel = 0; panel < 2; panel++) {
      Bytes codes = row + 18LL * (2 * chunk + panel) + 2 + 8 * (t & 1);
      bool there = CHUNK * chunk + 32 * panel < k;
      raw.w[2 * panel] = there ? load32(codes) : 0;
      raw.w[2 * panel + 1] = there ? load32(codes + 4) : 0;
    }
    raw.w[4] = t < 2 ? 0 : 4;
  }
  static __device__ __forceinline__ void unpack(const Raw& raw, bool whole, int panel, uint32_t* to) {
    halves(raw.w[2 * panel] >> raw.w[4] & 0x0f0f0f0fu, raw.w[2 * panel + 1] >> raw.w[4] & 0x0f0f0f0fu, to);
  }
  static __device__ __forceinline__ float scale(Bytes row, int chunk, int panel) {
    return halfToFloat(load16(row + 18LL * (2 * chunk + panel)));
  }
  static __device__ __forceinline__ float minimum(Bytes row, int chunk) { return 0; }
};

// Sixteen numbers of a chunk of x, zeros beyond its end; row 0 for a row that is not there.
__device__ __forceinline__ void loadX(const float* row, int k, int chunk, int t, float* to) {
#pragma unroll
  for (int panel = 0; panel < 2; panel++) {
    int i = CHUNK * chunk + 32 * panel + 8 * t;
    if (row != 0 && i + 8 <= k && ((uintptr_t)row & 15) == 0) {
      float4 u = ((const float4*)(row + i))[0];
      float4 v = ((const float4*)(row + i))[1];
      to[8 * panel] = u.x; to[8 * panel + 1] = u.y; to[8 * panel + 2] = u.z; to[8 * panel + 3] = u.w;
      to[8 * panel + 4] = v.x; to[8 * panel + 5] = v.y; to[8 * panel + 6] = v.z; to[8 * panel + 7] = v.w;
    } else {
#pragma unroll
      for (int j = 0; j < 8; j++) to[8 * panel + j] = row != 0 && i + j < k ? row[i + j] : 0;
    }
  }
}

// Cuts sixteen numbers of a row's chunk, which four neighbouring lanes share, into parts [part][panel][4].
// Yields what a product is to be multiplied with, and the chunk's sum.
template <class W>
__device__ __forceinline__ void cutX(float* x, uint32_t (*to)[2][4], float& restore, float& sum) {
  float most = 0;
  sum = 0;
#pragma unroll
  for (int i = 0; i < 16; i++) {
    most = fabsf(x[i]) > most || x[i] != x[i] ? fabsf(x[i]) : most;
    sum += x[i];
  }
#pragma unroll
  for (int lanes = 1; lanes < 4; lanes *= 2) {
    float other = __shfl_xor_sync(ALL, most, lanes);
    most = other > most || other != other ? other : most;
    if (W::MINIMA) sum += __shfl_xor_sync(ALL, sum, lanes);
  }
  uint32_t exponent = floatToBits(most) >> 23;
  exponent = exponent < 15 ? 15 : exponent;
  float scale = exponent >= 255 ? 1 : bitsToFloat(268 - exponent << 23);  // the largest becomes 2^14 .. 2^15
  restore = exponent >= 255 ? 1 : bitsToFloat(exponent - 14 << 23);
#pragma unroll
  for (int i = 0; i < 16; i += 2) {
    float low = x[i] * scale, high = x[i + 1] * scale;
#pragma unroll
    for (int p = 0; p < W::PARTS; p++) {
      uint32_t bits = W::part(low);
      to[p][i / 8][i % 8 / 2] = bits | W::part(high) << 16;
    }
  }
}

// Adds the product of a chunk to the sums of 16 columns by 8 rows; a [panel][half][4], b [part][panel][4],
// scale [panel][half] (panel 0 for both where a chunk has one), minimum [half], restore and sum for the lane's two rows.
template <class W>
__device__ __forceinline__ void multiplyChunk(float* sums, const uint32_t (*a)[2][4], const uint32_t (*b)[2][4], const float (*scale)[2], const float* minimum, const float* restore, const float* sum) {
  float c[4] = {0, 0, 0, 0};
#pragma unroll
  for (int panel = 0; panel < 2; panel++) {
#pragma unroll
    for (int s = 0; s < 2; s++) {
      uint32_t fragment[4] = {a[panel][0][2 * s], a[panel][1][2 * s], a[panel][0][2 * s + 1], a[panel][1][2 * s + 1]};
#pragma unroll
      for (int p = 0; p < W::PARTS; p++) W::mma(c, fragment, b[p][panel] + 2 * s);
    }
    if (W::GROUPS == 2 || panel == 1) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        if (W::GROUPS == 0) {
          sums[i] = fmaf(c[i], restore[i % 2], sums[i]);
        } else {
          sums[i] = fmaf(c[i] * restore[i % 2], scale[W::GROUPS == 2 ? panel : 0][i / 2], sums[i]);
          if (W::MINIMA) sums[i] = fmaf(minimum[i / 2], sum[i % 2], sums[i]);
        }
        c[i] = 0;
      }
    }
  }
}

// Few rows: a block takes 32 columns, each of its warps a piece of k for all of them, straight from memory.
template <class W, int TILES>
__device__ __forceinline__ void slimProduct(const Args& a) {
  __shared__ float shared[PIECES][32][8 * TILES + 1];
  int lane = threadIdx.x & 31, warp = threadIdx.x / 32, g = lane / 4, t = lane & 3;
  long long column = (long long)blockIdx.x * 32;
  long long first = (long long)blockIdx.y * (8 * TILES);
  int k = (int)a.n[3];
  int chunks = (k + CHUNK - 1) / CHUNK;
  int piece = (chunks + PIECES - 1) / PIECES;
  int from = warp * piece;
  int to = from + piece < chunks ? from + piece : chunks;
  Bytes rows[4];
#pragma unroll
  for (int h = 0; h < 4; h++) {
    long long c = column + 8 * h + g;
    rows[h] = (Bytes)a.p[1] + (c < a.n[4] ? c : a.n[4] - 1) * a.n[5];
  }
  float sums[2][TILES][4];
#pragma unroll
  for (int i = 0; i < 2; i++) {
#pragma unroll
    for (int j = 0; j < TILES; j++) {
#pragma unroll
      for (int e = 0; e < 4; e++) sums[i][j][e] = 0;
    }
  }
  Raw raw[4];
  if (from < to) {
#pragma unroll
    for (int h = 0; h < 4; h++) W::load(rows[h], k, from, t, raw[h]);
  }
  for (int chunk = from; chunk < to; chunk++) {
    bool whole = CHUNK * (chunk + 1) <= k;
    uint32_t w[2][2][2][4];
    float scale[2][2][2], minimum[2][2];
#pragma unroll
    for (int h = 0; h < 4; h++) {
#pragma unroll
      for (int panel = 0; panel < 2; panel++) {
        W::unpack(raw[h], whole, panel, w[h / 2][panel][h % 2]);
        scale[h / 2][panel][h % 2] = CHUNK * chunk + 32 * panel < k ? W::scale(rows[h], chunk, panel) : 0;
      }
      minimum[h / 2][h % 2] = W::minimum(rows[h], chunk);
    }
    if (chunk + 1 < to) {
#pragma unroll
      for (int h = 0; h < 4; h++) W::load(rows[h], k, chunk + 1, t, raw[h]);
    }
#pragma unroll
    for (int j = 0; j < TILES; j++) {
      if (first + 8 * j >= a.n[2]) continue;  // for all lanes
      long long r = first + 8 * j + g;
      float x[16];
      loadX(r < a.n[2] ? floats(a.p[0], r * a.n[0]) : 0, k, chunk, t, x);
      uint32_t parts[W::PARTS][2][4];
      float restore, sum;
      cutX<W>(x, parts, restore, sum);
      float restores[2], rowSums[2];
#pragma unroll
      for (int e = 0; e < 2; e++) {
        restores[e] = __shfl_sync(ALL, restore, 8 * t + 4 * e);
        rowSums[e] = W::MINIMA ? __shfl_sync(ALL, sum, 8 * t + 4 * e) : 0;
      }
#pragma unroll
      for (int i = 0; i < 2; i++) multiplyChunk<W>(sums[i][j], w[i], parts, scale[i], minimum[i], restores, rowSums);
    }
  }
#pragma unroll
  for (int i = 0; i < 2; i++) {
#pragma unroll
    for (int j = 0; j < TILES; j++) {
#pragma unroll
      for (int e = 0; e < 4; e++) shared[warp][16 * i + 8 * (e / 2) + g][8 * j + 2 * t + e % 2] = sums[i][j][e];
    }
  }
  __syncthreads();
  for (int e = threadIdx.x; e < 32 * 8 * TILES; e += PRODUCT_THREADS) {
    long long c = column + e % 32, r = first + e / 32;
    if (c < a.n[4] && r < a.n[2]) {
      float sum = 0;
      for (int p = 0; p * piece < chunks; p++) sum += shared[p][e % 32][e / 32];
      if (a.p[2] != 0) sum += *floats(a.p[2], 4 * c);
      *floats(a.p[3], r * a.n[1] + 4 * c) = sum;
    }
  }
}

// Many rows: a block takes TILE_COLUMNS x TILE_ROWS, chunk after chunk through two tiles in shared memory.
// A tile holds panels of 32 numbers a row, 64 bytes, so that a fragment's loads meet no bank twice.
template <class W>
struct Tile {
  uint4 w[2][TILE_COLUMNS][4];
  uint4 x[W::PARTS][2][TILE_ROWS][4];
  float scale[2][TILE_COLUMNS];
  float minimum[TILE_COLUMNS];
  float restore[TILE_ROWS];
  float sum[TILE_ROWS];
};

__device__ __forceinline__ void toWords(uint4 v, uint32_t* to) {
  to[0] = v.x; to[1] = v.y; to[2] = v.z; to[3] = v.w;
}

__device__ __forceinline__ uint4 fromWords(const uint32_t* w) {
  uint4 v = {w[0], w[1], w[2], w[3]};
  return v;
}

template <class W>
__device__ __forceinline__ void tiledProduct(const Args& a) {
  DYNAMIC_SHARED(memory);
  Tile<W>* tiles = (Tile<W>*)memory;
  int lane = threadIdx.x & 31, warp = threadIdx.x / 32, g = lane / 4, t = lane & 3;
  long long first = (long long)blockIdx.x * TILE_ROWS;
  long long column = (long long)blockIdx.y * TILE_COLUMNS;
  int k = (int)a.n[3];
  int chunks = (k + CHUNK - 1) / CHUNK;
  int piece = (chunks + PIECES - 1) / PIECES;

  // what this thread brings: 16 numbers of two columns and of one row, and a scale
  int slot = threadIdx.x / 4;
  Bytes columns[2];
  bool copied[2];
#pragma unroll
  for (int h = 0; h < 2; h++) {
    long long c = column + slot + 64 * h;
    columns[h] = (Bytes)a.p[1] + (c < a.n[4] ? c : a.n[4] - 1) * a.n[5];
    copied[h] = W::GROUPS == 0 && ((uintptr_t)columns[h] & 15) == 0;
  }
  const float* row = first + slot < a.n[2] ? floats(a.p[0], (first + slot) * a.n[0]) : 0;
  int scaled = threadIdx.x % TILE_COLUMNS, scaledPanel = threadIdx.x / TILE_COLUMNS;
  long long sc = column + scaled;
  Bytes scaledColumn = (Bytes)a.p[1] + (sc < a.n[4] ? sc : a.n[4] - 1) * a.n[5];

  // what this warp computes
  int warpColumn = warp / 2 * 32, warpRow = warp % 2 * 32;
  bool busy = column + warpColumn < a.n[4] && first + warpRow < a.n[2];
  float sums[2][4][4], totals[2][4][4];
#pragma unroll
  for (int i = 0; i < 2; i++) {
#pragma unroll
    for (int j = 0; j < 4; j++) {
#pragma unroll
      for (int e = 0; e < 4; e++) sums[i][j][e] = totals[i][j][e] = 0;
    }
  }

  Raw raw[2];
  float x[16];
  float scale = 0, minimum = 0;
  for (int chunk = -1; chunk < chunks; chunk++) {
    int next = chunk + 1;
    bool whole = CHUNK * (next + 1) <= k;
    Tile<W>& into = tiles[next & 1];
    if (next < chunks) {
#pragma unroll
      for (int h = 0; h < 2; h++) {
        if (copied[h] && whole) {
#pragma unroll
          for (int panel = 0; panel < 2; panel++) {
            copy16(&into.w[panel][slot + 64 * h][t], columns[h] + 2LL * (CHUNK * next + 32 * panel + 8 * t));
          }
        } else {
          W::load(columns[h], k, next, t, raw[h]);
        }
      }
      loadX(row, k, next, t, x);
      if (W::GROUPS != 0) scale = CHUNK * next + 32 * scaledPanel < k ? W::scale(scaledColumn, next, scaledPanel) : 0;
      if (W::MINIMA) minimum = W::minimum(scaledColumn, next);
    }
    if (chunk >= 0 && busy) {
      const Tile<W>& tile = tiles[chunk & 1];
      uint32_t w[2][2][2][4];
      float scales[2][2][2], minima[2][2];
#pragma unroll
      for (int h = 0; h < 4; h++) {
        int c = warpColumn + 8 * h + g;
#pragma unroll
        for (int panel = 0; panel < 2; panel++) {
          toWords(tile.w[panel][c][t], w[h / 2][panel][h % 2]);
          scales[h / 2][panel][h % 2] = W::GROUPS != 0 ? tile.scale[panel][c] : 1;
        }
        minima[h / 2][h % 2] = W::MINIMA ? tile.minimum[c] : 0;
      }
#pragma unroll
      for (int j = 0; j < 4; j++) {
        int r = warpRow + 8 * j;
        if (first + r < a.n[2]) {
          uint32_t parts[W::PARTS][2][4];
          float restores[2], rowSums[2];
#pragma unroll
          for (int p = 0; p < W::PARTS; p++) {
#pragma unroll
            for (int panel = 0; panel < 2; panel++) toWords(tile.x[p][panel][r + g][t], parts[p][panel]);
          }
#pragma unroll
          for (int e = 0; e < 2; e++) {
            restores[e] = tile.restore[r + 2 * t + e];
            rowSums[e] = W::MINIMA ? tile.sum[r + 2 * t + e] : 0;
          }
#pragma unroll
          for (int i = 0; i < 2; i++) multiplyChunk<W>(sums[i][j], w[i], parts, scales[i], minima[i], restores, rowSums);
        }
      }
      if (next % piece == 0 || next == chunks) {
#pragma unroll
        for (int i = 0; i < 2; i++) {
#pragma unroll
          for (int j = 0; j < 4; j++) {
#pragma unroll
            for (int e = 0; e < 4; e++) {
              totals[i][j][e] += sums[i][j][e];
              sums[i][j][e] = 0;
            }
          }
        }
      }
    }
    if (next < chunks) {
#pragma unroll
      for (int h = 0; h < 2; h++) {
        if (!(copied[h] && whole)) {
#pragma unroll
          for (int panel = 0; panel < 2; panel++) {
            uint32_t words[4];
            W::unpack(raw[h], whole, panel, words);
            into.w[panel][slot + 64 * h][t] = fromWords(words);
          }
        }
      }
      uint32_t parts[W::PARTS][2][4];
      float restore, sum;
      cutX<W>(x, parts, restore, sum);
#pragma unroll
      for (int p = 0; p < W::PARTS; p++) {
#pragma unroll
        for (int panel = 0; panel < 2; panel++) into.x[p][panel][slot][t] = fromWords(parts[p][panel]);
      }
      if (t == 0) {
        into.restore[slot] = restore;
        into.sum[slot] = sum;
      }
      if (W::GROUPS != 0) into.scale[scaledPanel][scaled] = scale;
      if (W::MINIMA && scaledPanel == 0) into.minimum[scaled] = minimum;
      copiesDone();
    }
    __syncthreads();
  }

  if (!busy) return;
#pragma unroll
  for (int i = 0; i < 2; i++) {
#pragma unroll
    for (int j = 0; j < 4; j++) {
#pragma unroll
      for (int e = 0; e < 4; e++) {
        long long c = column + warpColumn + 16 * i + 8 * (e / 2) + g;
        long long r = first + warpRow + 8 * j + 2 * t + e % 2;
        if (c < a.n[4] && r < a.n[2]) {
          float sum = totals[i][j][e];
          if (a.p[2] != 0) sum += *floats(a.p[2], 4 * c);
          *floats(a.p[3], r * a.n[1] + 4 * c) = sum;
        }
      }
    }
  }
}

#define PRODUCT_KERNEL extern "C" __global__ void __launch_bounds__(PRODUCT_THREADS)
#define PRODUCT(name, type)                                                  \
  PRODUCT_KERNEL product_##name##_8(Args a) { slimProduct<type, 1>(a); }     \
  PRODUCT_KERNEL product_##name##_32(Args a) { slimProduct<type, 4>(a); }    \
  PRODUCT_KERNEL product_##name##_tiled(Args a) { tiledProduct<type>(a); }
PRODUCT(f16, TileF16)
PRODUCT(bf16, TileBF16)
PRODUCT(int8, TileINT8)
PRODUCT(int4, TileINT4)
PRODUCT(q8_0, TileQ8_0)
PRODUCT(q4_0, TileQ4_0)
