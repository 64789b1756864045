// Attention on tensor cores (FlashAttention-2, arXiv 2307.08691), as accurate as in F32: queries and shares of
// the softmax are cut into two TF32 numbers, so are keys and values that are not F16 or BF16, and the products
// of the parts are summed in F32. What is infinite becomes no number.
//
// One order of summation per row and head, whatever the rows of a call: tokens are taken by tiles of 64, tiles
// by spans, whose results are merged in their order, by one block after the other or by merge_splits.
//
// Arguments as attention in kernels.cu. A block takes `together` rows and some query heads of one key head, at
// most SLOTS of both, and D numbers of the result: a wide head has several blocks, and each of them all scores.
// Many slots: a warp takes 16 of them, and a tile is brought for all warps. Few: the warps share 16 slots, each
// the scores of some tokens, then some columns of the result.
#pragma once

#define TOKENS 64
#define WARP_SLOTS 16
#define SCORE_STRIDE (TOKENS + 8)

// Rows of queries and keys, and of values, so many floats apart that a fragment's loads meet no bank twice.
#define KEY_STRIDE (D + 16)
#define VALUE_STRIDE (D + 4)

// Brings numbers d0 .. d0 + D of tokens first .. first + count of a list, or of all; zeros for those that are not there.
template <class T, int D, int AHEAD>
__device__ __forceinline__ void bringTile(Bytes rows, long long rowStride, const int* list, int first, int count, int width, int d0, float* to, int stride) {
  const int LANES = D / PARTS;
  int d = threadIdx.x % LANES * PARTS;
  if (d0 + d >= (width + 31) / 32 * 32) return;
#pragma unroll AHEAD
  for (int token = threadIdx.x / LANES; token < TOKENS; token += THREADS / LANES) {
    float x[PARTS];
    if (token < count && d0 + d < width) {
      loadHead<T>(rows + (list != 0 ? list[first + token] : first + token) * rowStride, width, d0 + d, x);
    } else {
#pragma unroll
      for (int i = 0; i < PARTS; i++) x[i] = 0;
    }
    float4* row = (float4*)(to + token * stride + d);
    row[0] = float4{x[0], x[1], x[2], x[3]};
    row[1] = float4{x[4], x[5], x[6], x[7]};
  }
}

// Types as ElementType numbers them. What TF32 takes whole needs no cut.
template <bool WHOLE, int D>
__device__ __forceinline__ void bring(int type, Bytes rows, long long rowStride, const int* list, int first, int count, int width, int d0, float* to, int stride) {
  if (WHOLE) {
    if (type == 1) bringTile<F16, D, 4>(rows, rowStride, list, first, count, width, d0, to, stride);
    else bringTile<BF16, D, 4>(rows, rowStride, list, first, count, width, d0, to, stride);
  } else {
    if (type == 0) bringTile<F32, D, 1>(rows, rowStride, list, first, count, width, d0, to, stride);
    else if (type == 3) bringTile<INT8, D, 1>(rows, rowStride, list, first, count, width, d0, to, stride);
    else bringTile<INT4, D, 1>(rows, rowStride, list, first, count, width, d0, to, stride);
  }
}

// What TF32 leaves of a number.
__device__ __forceinline__ float rest(float x) {
  return x - bitsToFloat(floatToBits(x) & 0xffffe000u);
}

// c += a b, where a holds two parts.
template <bool WHOLE>
__device__ __forceinline__ void multiplyCut(float* c, const float* a, const float* aRest, float b0, float b1) {
  float b[2] = {b0, b1};
  mmaTf32(c, aRest, b);
  if (!WHOLE) {
    float bRest[2] = {rest(b0), rest(b1)};
    mmaTf32(c, a, bRest);
  }
  mmaTf32(c, a, b);
}

// One run of rows with the same keys and the same span.
template <int D, bool WHOLE, bool FEW>
__device__ __forceinline__ void attendTiles(const Args& a, long long row, int rows, int span, int longest, long long place, int kvHead, long long head, int heads, int split, int part) {
  const int SLOTS = FEW ? WARP_SLOTS : WARP_SLOTS * WARPS;
  const int EIGHTS = FEW ? TOKENS / 8 / WARPS : TOKENS / 8;        // tokens whose scores a warp computes
  const int BLOCKS = FEW ? (D / 32 + WARPS - 1) / WARPS : D / 32;  // columns of the result
  const int STEP = FEW ? WARPS : 1;
  DYNAMIC_SHARED(memory);
  float* queries = (float*)memory;
  float* tile = queries + SLOTS * KEY_STRIDE;  // of keys, then of values
  float* scores = tile + TOKENS * KEY_STRIDE;  // where warps share slots
  int lane = threadIdx.x & 31, warp = threadIdx.x / 32, g = lane / 4, t = lane & 3;
  int width = (int)a.n[7], type = (int)a.n[12];
  int slots = rows * heads;
  int mine = FEW ? warp : 0;
  int own = FEW ? 0 : WARP_SLOTS * warp;  // this warp's first slot
  bool busy = own < slots;
  float negative = -bitsToFloat(0x7f800000u);
  Bytes keys = (Bytes)a.p[1] + place + kvHead * a.n[2];
  Bytes values = (Bytes)a.p[2] + place + kvHead * a.n[2];
  const int* list = listOf(a, row, kvHead);

  int length[2];
#pragma unroll
  for (int half = 0; half < 2; half++) {
    int slot = own + g + 8 * half;
    length[half] = slot < slots && place >= 0 ? ((const int*)a.p[3])[row + slot / heads] : 0;
  }
  float allM[2] = {negative, negative}, allL[2] = {0, 0};
  bool alone = a.p[7] == 0;  // this block takes all spans
  int spans = alone && longest > 0 ? (int)((longest + (long long)span - 1) / span) : 1;
  for (int n = 0; n < spans; n++) {
    int first = (int)((long long)(alone ? n : split) * span);
    int last = longest - first < span ? longest : first + span;
    float m[2] = {negative, negative}, l[2] = {0, 0};
    float o[BLOCKS][4][4];
#pragma unroll
    for (int b = 0; b < BLOCKS; b++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
#pragma unroll
        for (int e = 0; e < 4; e++) o[b][i][e] = 0;
      }
    }
    for (int step = first; step < last; step += TOKENS) {
      int count = last - step < TOKENS ? last - step : TOKENS;
      int eights = (count + 7) / 8;
      float s[TOKENS / 8][4];
#pragma unroll
      for (int j = 0; j < TOKENS / 8; j++) {
#pragma unroll
        for (int e = 0; e < 4; e++) s[j][e] = 0;
      }

      for (int d0 = 0; d0 < width; d0 += D) {
        __syncthreads();  // nobody reads what lies there any more
        bring<WHOLE, D>(type, keys, a.n[1], list, step, count, width, d0, tile, KEY_STRIDE);
        if (width > D || (n == 0 && step == first)) {
          for (int i = threadIdx.x; i < SLOTS * (D / PARTS); i += THREADS) {
            int slot = i / (D / PARTS), d = i % (D / PARTS) * PARTS;
            float x[PARTS];
#pragma unroll
            for (int j = 0; j < PARTS; j++) x[j] = 0;
            if (slot < slots && d0 + d < width) {
              loadHead<F32>((Bytes)floats(a.p[0], (row + slot / heads) * a.n[0] + 4 * (head + slot % heads) * width), width, d0 + d, x);
            }
#pragma unroll
            for (int j = 0; j < PARTS; j++) queries[slot * KEY_STRIDE + d + j] = x[j] * a.f[0];
          }
        }
        __syncthreads();
        if (busy) {
#pragma unroll 1
          for (int d = 0; d < D && d0 + d < width; d += 16) {
            float4 upper = *(const float4*)(queries + (own + g) * KEY_STRIDE + d + 4 * t);
            float4 lower = *(const float4*)(queries + (own + g + 8) * KEY_STRIDE + d + 4 * t);
            float q[2][4] = {{upper.x, lower.x, upper.y, lower.y}, {upper.z, lower.z, upper.w, lower.w}};
            float qRest[2][4];
#pragma unroll
            for (int e = 0; e < 8; e++) qRest[e / 4][e % 4] = rest(q[e / 4][e % 4]);
#pragma unroll
            for (int j = 0; j < EIGHTS; j++) {
              if (mine + STEP * j < eights) {
                float4 key = *(const float4*)(tile + (8 * (mine + STEP * j) + g) * KEY_STRIDE + d + 4 * t);
                multiplyCut<WHOLE>(s[j], q[0], qRest[0], key.x, key.y);
                multiplyCut<WHOLE>(s[j], q[1], qRest[1], key.z, key.w);
              }
            }
          }
        }
      }
      if (FEW) {
#pragma unroll
        for (int j = 0; j < EIGHTS; j++) {
#pragma unroll
          for (int e = 0; e < 4; e++) scores[(g + e / 2 * 8) * SCORE_STRIDE + 8 * (mine + STEP * j) + 2 * t + e % 2] = s[j][e];
        }
      }
      __syncthreads();  // also: keys have been read
      bring<WHOLE, D>(type, values, a.n[1], list, step, count, width, part * D, tile, VALUE_STRIDE);

      if (busy) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
          int seen = length[half] - step;
          float most = m[half];
#pragma unroll
          for (int j = 0; j < TOKENS / 8; j++) {
#pragma unroll
            for (int e = 0; e < 2; e++) {
              int token = 8 * j + 2 * t + e;
              float& score = s[j][2 * half + e];
              if (FEW) score = scores[(g + 8 * half) * SCORE_STRIDE + token];
              if (token >= seen) score = negative;
              most = score > most ? score : most;
            }
          }
#pragma unroll
          for (int lanes = 1; lanes < 4; lanes *= 2) {
            float other = __shfl_xor_sync(ALL, most, lanes);
            most = other > most ? other : most;
          }
          float sum = 0;
#pragma unroll
          for (int j = 0; j < TOKENS / 8; j++) {
#pragma unroll
            for (int e = 0; e < 2; e++) {
              float& score = s[j][2 * half + e];
              score = score == negative ? 0 : expf(score - most);
              sum += score;
            }
          }
#pragma unroll
          for (int lanes = 1; lanes < 4; lanes *= 2) sum += __shfl_xor_sync(ALL, sum, lanes);
          float scaled = m[half] == negative ? 0 : expf(m[half] - most);
          m[half] = most;
          l[half] = fmaf(l[half], scaled, sum);
#pragma unroll
          for (int b = 0; b < BLOCKS; b++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
              o[b][i][2 * half] *= scaled;
              o[b][i][2 * half + 1] *= scaled;
            }
          }
        }
      }
      __syncthreads();  // values are there
      if (busy) {
#pragma unroll
        for (int j = 0; j < TOKENS / 8; j++) {
          if (j < eights) {
            float shares[4] = {s[j][0], s[j][2], s[j][1], s[j][3]};
            float sharesRest[4];
#pragma unroll
            for (int e = 0; e < 4; e++) sharesRest[e] = rest(shares[e]);
#pragma unroll
            for (int b = 0; b < BLOCKS; b++) {
              int column = 32 * (mine + STEP * b);
              if (column < D && part * D + column < width) {
                float4 even = *(const float4*)(tile + (8 * j + 2 * t) * VALUE_STRIDE + column + 4 * g);
                float4 odd = *(const float4*)(tile + (8 * j + 2 * t + 1) * VALUE_STRIDE + column + 4 * g);
                multiplyCut<WHOLE>(o[b][0], shares, sharesRest, even.x, odd.x);
                multiplyCut<WHOLE>(o[b][1], shares, sharesRest, even.y, odd.y);
                multiplyCut<WHOLE>(o[b][2], shares, sharesRest, even.z, odd.z);
                multiplyCut<WHOLE>(o[b][3], shares, sharesRest, even.w, odd.w);
              }
            }
          }
        }
      }
    }

    // A lane holds of its two rows the numbers 32 b + 8 t .. 32 b + 8 t + 7.
#pragma unroll
    for (int half = 0; half < 2; half++) {
      int slot = own + g + 8 * half;
      float share = 0, otherShare = 1;
      if (alone && n > 0) {
        mergeStates(allM[half], allL[half], m[half], l[half], share, otherShare);
      } else {
        allM[half] = m[half];
        allL[half] = l[half];
      }
      if (slot < slots) {
        long long r = row + slot / heads, h = head + slot % heads;
        float* out = alone ? floats(a.p[5], r * a.n[3] + 4 * h * width)
                           : floats(a.p[7], 4 * ((r * a.n[4] + h) * a.n[11] + split) * (width + 2));
#pragma unroll
        for (int b = 0; b < BLOCKS; b++) {
          int column = 32 * (mine + STEP * b);
          if (column < D) {
#pragma unroll
            for (int e = 0; e < 8; e++) {
              int d = part * D + column + 8 * t + e;
              float value = o[b][e % 4][2 * half + e / 4];
              if (d < width) out[d] = alone && n > 0 ? fmaf(value, otherShare, out[d] * share) : value;
            }
          }
        }
        if (t == 0 && part == 0 && (!FEW || warp == 0) && (!alone || n == spans - 1)) {
          float* state = alone ? floats(a.p[6], 8 * (r * a.n[4] + h)) : out + width;
          state[0] = allM[half];
          state[1] = allL[half];
        }
      }
    }
  }
  __syncthreads();  // before a next run writes
}

template <int D, bool WHOLE, bool FEW>
__device__ __forceinline__ void tensorAttention(const Args& a) {
  const int SLOTS = FEW ? WARP_SLOTS : WARP_SLOTS * WARPS;
  int together = (int)a.n[10], splits = (int)a.n[11], group = (int)a.n[8], width = (int)a.n[7];
  long long row = blockIdx.x / splits * (long long)together;
  int split = blockIdx.x % splits;
  long long end = row + together < a.n[9] ? row + together : a.n[9];
  int parts = (width + D - 1) / D;
  int part = blockIdx.y % parts;
  int tiles = (group + SLOTS - 1) / SLOTS;
  int kvHead = blockIdx.y / parts / tiles;  // counted from kvFrom
  int first = blockIdx.y / parts % tiles * SLOTS;
  int heads = group - first < SLOTS ? group - first : SLOTS;
  long long head = (a.n[5] + kvHead) * group + first;
  const int* lengths = (const int*)a.p[3];
  const long long* places = (const long long*)a.p[4];
  while (row < end) {
    long long place = places != 0 ? places[row] : 0;
    int longest = place < 0 ? 0 : lengths[row];
    int span = spanOf(longest);
    int rows = 1;
    while (row + rows < end && (places != 0 ? places[row + rows] : 0) == place) {
      int length = place < 0 ? 0 : lengths[row + rows];
      if (spanOf(length) != span) break;
      longest = length > longest ? length : longest;
      rows++;
    }
    attendTiles<D, WHOLE, FEW>(a, row, rows, span, longest, place, kvHead, head, heads, split, part);
    row += rows;
  }
}

#define TENSOR_KERNEL extern "C" __global__ void __launch_bounds__(THREADS)
#if defined(STOWAGE_EMULATED) || !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
#define TENSOR_ATTENTION(width, numbers, whole)                                                                \
  TENSOR_KERNEL attention_##numbers##_##width##_few(Args a) { tensorAttention<width, whole, true>(a); }        \
  TENSOR_KERNEL attention_##numbers##_##width##_many(Args a) { tensorAttention<width, whole, false>(a); }
#else
#define TENSOR_ATTENTION(width, numbers, whole)                             \
  TENSOR_KERNEL attention_##numbers##_##width##_few(Args a) { __trap(); }  \
  TENSOR_KERNEL attention_##numbers##_##width##_many(Args a) { __trap(); }
#endif
TENSOR_ATTENTION(64, whole, true)
TENSOR_ATTENTION(64, cut, false)
TENSOR_ATTENTION(128, whole, true)
TENSOR_ATTENTION(128, cut, false)
